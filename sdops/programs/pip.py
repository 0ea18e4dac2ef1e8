"""Asks an environment's own pip: what an index offers, what an installation would bring."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from sdops.errors import SdopsError
from sdops.programs import process

LOOK_TIMEOUT_S = 300.0
"""pip may have to fetch a wheel of a gigabyte to read its metadata from an old index."""
SIZE_TIMEOUT_S = 10.0
IMPATIENT = ("--timeout", "15", "--retries", "1")
"""pip's own defaults wait for minutes on an index that does not answer."""

UNREACHABLE = re.compile("after connection broken by|Could not fetch URL")
SILENT = "that index cannot be reached."


class PipError(SdopsError):
    """pip could not do what it was asked, in its own words."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One package that pip would install."""

    name: str
    """Normalized."""
    version: str
    url: str
    """Where it comes from: http, https or file."""


def would_install(python: str, arguments: Sequence[str]) -> tuple[Arrival, ...]:
    """What `pip install` with `arguments` would install; what is there already is left out.

    Raises:
        PipError: the packages are not available.
    """
    return _dry_run(python, arguments)[0]


def would_fetch(python: str, arguments: Sequence[str]) -> tuple[Arrival, ...]:
    """As `would_install`; an index that does not answer is an error even where files at hand do.

    pip would wait for that index again at every package, many times over.

    Raises:
        PipError: the packages are not available, or not from the index.
    """
    arrivals, talk = _dry_run(python, arguments)
    if UNREACHABLE.search(talk) and all(arrival.url.startswith("file:") for arrival in arrivals):
        raise PipError(SILENT)
    return arrivals


def _dry_run(python: str, arguments: Sequence[str]) -> tuple[tuple[Arrival, ...], str]:
    """What would be installed, and what pip said of its troubles meanwhile."""
    with tempfile.TemporaryDirectory(prefix="sdops-") as folder:
        report = Path(folder) / "report.json"
        output = _run(
            python, "install", "--dry-run", "--report", str(report), *IMPATIENT, *arguments
        )
        try:
            items = json.loads(report.read_text(encoding="utf-8"))["install"]
            arrivals = tuple(
                Arrival(
                    name=str(canonicalize_name(item["metadata"]["name"])),
                    version=item["metadata"]["version"],
                    url=item["download_info"]["url"],
                )
                for item in items
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PipError(f"pip's report cannot be read: {error}.") from None
    return arrivals, output.stderr


def offered(python: str, package: str) -> tuple[str, ...]:
    """The versions of `package` for this Python on pip's default index, the newest first.

    Raises:
        PipError: there are none, or the index cannot be reached.
    """
    talk = _run(python, "index", "versions", *IMPATIENT, package).stdout
    found = re.search(r"^Available versions: (.+)$", talk, re.MULTILINE)
    return tuple(version.strip() for version in found[1].split(",")) if found else ()


def install(python: str, arguments: Sequence[str]) -> None:
    """Runs `pip install` with `arguments` before the user's eyes.

    Raises:
        PipError: it failed; pip has said why.
    """
    try:
        status = process.attend((python, "-m", "pip", "install", *arguments))
    except process.ProbeError as error:
        raise PipError(f"{error}.") from None
    if status:
        raise PipError(f"pip could not install {' '.join(arguments)}: see its words above.")


def download_bytes(arrivals: Sequence[Arrival]) -> int:
    """How much there is to download, as far as the servers say: local files count as nothing."""
    import requests

    total = 0
    with requests.Session() as session:
        for arrival in arrivals:
            if urlsplit(arrival.url).scheme not in ("http", "https"):
                continue
            try:
                answer = session.head(arrival.url, allow_redirects=True, timeout=SIZE_TIMEOUT_S)
                total += int(answer.headers.get("Content-Length", 0))
            except (requests.RequestException, ValueError):
                continue
    return total


def _run(python: str, command: str, *arguments: str) -> process.Output:
    options = ("--disable-pip-version-check", "--no-input", "--no-color")
    argv = (python, "-m", "pip", *options, command, *arguments)
    try:
        output = process.run(argv, timeout_s=LOOK_TIMEOUT_S)
    except process.ProbeError as error:
        raise PipError(f"{error}.") from None
    if output.returncode:
        raise PipError(_reason(output.stderr) or f"pip {command} failed.")
    return output


def _reason(stderr: str) -> str:
    # pip goes on without an index that does not answer, and then says "no matching distribution".
    if UNREACHABLE.search(stderr):
        return SILENT
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR: ")]
    return lines[-1].removeprefix("ERROR: ").strip() if lines else ""
