"""Says what in the tables is out of date, by asking package indexes and the metadata in them.

    python scripts/compare_tables.py            newest releases, Python ranges, companions of torch
    python scripts/compare_tables.py --builds   also whether each build is on PyTorch's own index

It needs sdops and pip in the Python that runs it, asks pip and nothing else, and changes nothing.
Exit code 1: something is out of date; 2: an index did not answer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from sdops.knowledge import torch_releases, xformers
from sdops.knowledge.torch_releases import TorchRelease
from sdops.profile import load

FOLLOWED = ("torch", "torchvision", "torchaudio", "xformers")
PYTHON = "3.12"
PLATFORM = "manylinux_2_28_x86_64"
TIMEOUT_S = 300
RECENT = 6


class SilentIndexError(Exception):
    """An index did not answer, or not in a way that pip understands."""


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What this Python's own pip says."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def versions(package: str) -> list[Version]:
    """The releases of `package` on pip's index, newest first.

    Raises:
        SilentIndexError: there are none.
    """
    answer = pip("index", "versions", package, "--python-version", PYTHON, "--only-binary", ":all:")
    line = next((row for row in answer.stdout.splitlines() if ":" in row and "versions" in row), "")
    found = [Version(each.strip()) for each in line.partition(":")[2].split(",") if each.strip()]
    if not found:
        raise SilentIndexError(answer.stderr.strip().splitlines()[-1:] or "no answer")
    return sorted(found, reverse=True)


def metadata(requirement: str, *options: str) -> dict[str, Any] | None:
    """The core metadata of what pip would install for `requirement`; None if there is nothing."""
    answer = pip(
        "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-",
        "--target", "never-written", "--only-binary", ":all:", "--python-version", PYTHON,
        "--platform", PLATFORM, *options, requirement,
    )  # fmt: skip
    try:
        found: dict[str, Any] = json.loads(answer.stdout)["install"][0]["metadata"]
    except (ValueError, LookupError):
        return None
    return found


def newer_releases() -> Iterator[str]:
    """Releases on the index that no row knows."""
    known = {
        "torch": torch_releases.newest().torch,
        "torchvision": torch_releases.newest().torchvision,
        "torchaudio": torch_releases.newest().torchaudio,
        "xformers": xformers.releases()[0].xformers,
    }
    for package in FOLLOWED:
        newest = versions(package)[0]
        if newest > Version(known[package]):
            yield f"{package} {newest} is out; the table ends at {known[package]}."


def wrong_rows(rows: tuple[TorchRelease, ...]) -> Iterator[str]:
    """Rows of torch that the packages' own metadata contradicts."""
    for row in rows:
        torch = metadata(f"torch=={row.torch}")
        if torch is None:
            yield f"torch {row.torch}: the index has no wheel of it for Python {PYTHON}."
            continue
        needs = SpecifierSet(torch.get("requires_python") or "")
        oldest = ".".join(map(str, row.python_min))
        if f"{oldest}.99" not in needs:
            yield f"torch {row.torch}: asks for Python {needs}, the table says {oldest} and newer."
        for package in ("torchvision", "torchaudio"):
            yield from wrong_partner(row, package, getattr(row, package))


def wrong_partner(row: TorchRelease, package: str, version: str) -> Iterator[str]:
    """What a companion's own requirement of torch says against its row."""
    found = metadata(f"{package}=={version}")
    for line in (found or {}).get("requires_dist", ()):
        requirement = Requirement(line)
        if (
            canonicalize_name(requirement.name) == "torch"
            and row.torch not in requirement.specifier
        ):
            yield f"torch {row.torch}: {package} {version} asks for torch{requirement.specifier}."


def missing_builds(rows: tuple[TorchRelease, ...]) -> Iterator[str]:
    """Builds that PyTorch's own index does not have, and unconfirmed ones that it has."""
    index = load("torch_releases")["index"]
    for row in rows:
        for variant in row.variants("linux"):
            there = metadata(f"torch=={row.torch}+{variant}", "--index-url", f"{index}{variant}")
            if there is None:
                yield f"torch {row.torch}: {index}{variant} has no {variant} build of it."
            elif variant in row.unconfirmed:
                yield f"torch {row.torch}: the {variant} build is there, and may be confirmed."


def main() -> int:
    """Prints one line for each thing that is out of date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--builds", action="store_true", help="ask PyTorch's index for each build")
    parser.add_argument("--recent", type=int, default=RECENT, help="how many releases to compare")
    options = parser.parse_args()
    rows = torch_releases.releases()[: options.recent]
    looks = [newer_releases(), wrong_rows(rows)]
    if options.builds:
        looks.append(missing_builds(rows))
    found = 0
    try:
        for line in (line for look in looks for line in look):
            print(line)
            found = 1
    except (SilentIndexError, subprocess.TimeoutExpired) as error:
        print(f"An index did not answer: {error}", file=sys.stderr)
        return 2
    print(f"The tables are dated {torch_releases.dated()}.")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
