"""Which files a scan looks at: names given, lists of names, patterns, standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from sdops.checkpoint.files.source import FileSource
from sdops.checkpoint.files.walk import Walk, walk
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.files import Outcome
from sdops.checkpoint.scan.likely import likely_models
from sdops.checkpoint.scan.policy import Policy
from sdops.errors import SdopsError, UsageError
from sdops.paths import real
from sdops.text import MARKS, decode

if TYPE_CHECKING:
    from pathlib import Path

STDIN = "-"
REMOTE = ("http://", "https://", "hf://")
_MAX_LIST_BYTES = 64 << 20
_MAX_STDIN_BYTES = 64 << 30
POLICY_FILE = "sdops.toml"


class Selection(NamedTuple):
    """What to scan."""

    local: Walk
    others: int
    """How many files in folders are no model."""
    remote: tuple[str, ...]
    stdin: bool


def select(
    names: Iterable[str],
    lists: Iterable[Path],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> Selection:
    """Splits `names`, and the names in the files `lists`, by where they are.

    Args:
        names: paths, addresses, or `-` for standard input.
        lists: files with a name on each line (or ended by NUL).
        include: patterns; in folders, only files that match one are taken.
        exclude: patterns; files in folders that match one are left out.

    Raises:
        UsageError: there is nothing to scan, or a list cannot be read.
    """
    wanted = list(names)
    for path in lists:
        wanted += _listed(path)
    if not wanted:
        raise UsageError("There is nothing to scan.", "Give a file, a folder, an address, or -.")
    remote = tuple(name for name in wanted if name.startswith(REMOTE))
    here = [name for name in wanted if name != STDIN and not name.startswith(REMOTE)]
    found = walk(here)
    named = set(walk(name for name in here if not os.path.isdir(name)).names)
    chosen = [name for name in found.names if name in named or _wanted(name, include, exclude)]
    models = set(chosen) if include else set(likely_models(chosen))
    files = tuple(name for name in chosen if name in named or name in models)
    return Selection(Walk(files, found.faults), len(chosen) - len(files), remote, STDIN in wanted)


def _listed(path: Path) -> list[str]:
    try:
        data = sys.stdin.buffer.read(_MAX_LIST_BYTES) if str(path) == STDIN else path.read_bytes()
    except OSError as error:
        raise UsageError(f"The list {path} cannot be read: {error.strerror}.") from None
    if os.name == "nt" or data.startswith(MARKS):
        names = decode(data).replace("\0", "\n").split("\n")
    else:  # names are bytes here, in no encoding that must be right
        names = os.fsdecode(data).replace("\0", "\n").split("\n")
    return [name.rstrip("\r") for name in names if name.strip() and not _is_comment(name)]


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not os.path.lexists(line.rstrip("\r"))


def _wanted(name: str, include: tuple[str, ...], exclude: tuple[str, ...]) -> bool:
    if not include and not exclude:
        return True
    from fnmatch import fnmatch

    def matches(patterns: tuple[str, ...]) -> bool:
        texts = (os.path.basename(name), name.replace(os.sep, "/"))
        return any(fnmatch(text, pattern) for pattern in patterns for text in texts)

    return (not include or matches(include)) and not matches(exclude)


def policy_files(chosen: tuple[Path, ...], selection: Selection) -> tuple[tuple[Path, ...], str]:
    """The policy files in force, and a note where `sdops.toml` was passed over.

    `sdops.toml` of the current folder counts, but never one that lies among the scanned files:
    whoever made those could allow anything with it.
    """
    if not os.path.isfile(POLICY_FILE) or not _is_needed(selection):
        return chosen, ""
    from pathlib import Path

    own = Path(POLICY_FILE)
    if own in chosen:
        return chosen, ""
    around = _checkout(real(Path.cwd()))
    if selection.stdin or selection.remote:
        return chosen, f"{POLICY_FILE} counts for local files only and is passed over."
    for file in map(real, selection.local.names):
        if Path(file).is_relative_to(around):
            return chosen, (
                f"{POLICY_FILE} lies in a folder that is scanned and is passed over;"
                f" give --policy {POLICY_FILE} if it is yours."
            )
    return (*chosen, own), f"The policy {real(own)} counts."


def _is_needed(selection: Selection) -> bool:
    return bool(selection.local.names or selection.stdin or selection.remote)


def _checkout(folder: str) -> str:
    """The Git checkout around `folder`, or `folder`: what one author may have written."""
    here = folder
    while not os.path.lexists(os.path.join(here, ".git")):
        above = os.path.dirname(here)
        if above == here:
            return folder
        here = above
    return here


def scan_stdin(policy: Policy) -> Outcome:
    """Scans what comes on standard input, from a file without a name."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="sdops-") as folder:
        name = os.path.join(folder, "stdin")  # closed before it is read, as Windows wants it
        with open(name, "xb") as file:
            size = 0
            while piece := sys.stdin.buffer.read(1 << 20):
                size += len(piece)
                if size > _MAX_STDIN_BYTES:
                    raise SdopsError("Standard input is too long to be scanned.")
                file.write(piece)
        with FileSource(name) as source:
            return Outcome(STDIN, scan_source(STDIN, source, policy))
