"""Model files on web servers and the Hugging Face Hub: only headers and pickles are fetched."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import quote

from sdops.checkpoint.files.http import HttpSource, open_session
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.files import Outcome
from sdops.checkpoint.scan.policy import Policy
from sdops.errors import UnreadableInputError

if TYPE_CHECKING:
    import requests

_MOST_SECONDS = 300
_MOST_LISTING_BYTES = 16 << 20
_HUB = "https://huggingface.co"
_HF = re.compile(
    r"hf://(?P<kind>datasets/|spaces/)?(?P<repo>[\w.-]+/[\w.-]+?)(@(?P<revision>[^/]+))?"
    r"(/(?P<path>.+))?$"
)


def scan_address(address: str, policy: Policy) -> Iterator[Outcome]:
    """Scans the file at `address`, or every file of the repository it names on the Hub."""
    try:
        with open_session() as session:
            for name, url in _files(address, session):
                yield _scan(name, url, session, policy)
    except UnreadableInputError as error:
        yield Outcome(address, fault=error.message)


def _scan(name: str, url: str, session: requests.Session, policy: Policy) -> Outcome:
    """The file's outcome, in time whatever the server does.

    A server that sends a byte now and then breaks no timeout of a socket, so the work is done in
    a thread, which is left behind.
    """
    done: list[Outcome] = []
    deadline = time.monotonic() + _MOST_SECONDS
    work = Thread(
        target=lambda: done.append(_scan_until(deadline, name, url, session, policy)), daemon=True
    )
    work.start()
    work.join(_MOST_SECONDS)
    return done[0] if done else Outcome(name, fault=f"{url}: the server is too slow.")


def _scan_until(
    deadline: float, name: str, url: str, session: requests.Session, policy: Policy
) -> Outcome:
    try:
        return Outcome(name, scan_source(name, HttpSource(session, url, deadline), policy))
    except UnreadableInputError as error:
        return Outcome(name, fault=error.message)
    except (Exception, RecursionError) as error:
        return Outcome(name, crash=f"{type(error).__name__}: {error}")


def _files(address: str, session: requests.Session) -> Iterator[tuple[str, str]]:
    """The name and the URL of each file that `address` stands for."""
    if not address.startswith("hf://"):
        yield address, address
        return
    found = _HF.match(address)
    if found is None:
        raise UnreadableInputError(f"{address} is not of the form hf://owner/name/file.")
    hub = os.environ.get("HF_ENDPOINT", _HUB).rstrip("/")
    kind, repo = found["kind"] or "", found["repo"]
    revision, path = quote(found["revision"] or "main", safe=""), found["path"]
    base = f"{hub}/{kind}{repo}/resolve/{revision}/"
    if path:
        yield address, base + quote(path)
        return
    listing = _listing(f"{hub}/api/{kind or 'models/'}{repo}/revision/{revision}", session)
    for name in listing:
        yield f"{address}/{name}", base + quote(name)


def _listing(url: str, session: requests.Session) -> list[str]:
    import json

    source = HttpSource(session, url, time.monotonic() + _MOST_SECONDS)
    data = source.read(0, min(source.size, _MOST_LISTING_BYTES))
    try:
        return [str(file["rfilename"]) for file in json.loads(data)["siblings"]]
    except (ValueError, KeyError, TypeError):
        raise UnreadableInputError(f"{url} does not list the files of a repository.") from None
