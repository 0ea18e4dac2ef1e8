"""What `sdops scan` answers: each file's verdict, and what its pickles name.

Named tuples, as in `sdops.finding`: every scan makes them, before anything slower is imported.
"""

from __future__ import annotations

from typing import NamedTuple


class NamedGlobal(NamedTuple):
    """Something that a pickle imports."""

    module: str
    name: str
    class_: str
    """safe, unfamiliar or dangerous."""
    called: bool
    member: str | None
    """The archive member whose pickle names it."""
    offset: int
    """Bytes from the start of the pickle."""


class DecompiledPickle(NamedTuple):
    """A pickle as Python, with --decompile."""

    member: str | None
    python: str


class ScannedFile(NamedTuple):
    """One file that was looked at."""

    path: str
    verdict: str
    """safe, not-judged, suspicious, unreadable, unfamiliar or dangerous."""
    container: str
    """What kind of file it is, by its content."""
    pickles: int
    globals: tuple[NamedGlobal, ...]
    quarantined: str | None = None
    """Where --quarantine moved it."""
    decompiled: tuple[DecompiledPickle, ...] = ()


class ScanAnswer(NamedTuple):
    """The data of `sdops scan`."""

    files: tuple[ScannedFile, ...]
    others: int = 0
    """How many files in folders are no model and were left out."""
    list_imports: bool = False
    """Whether each file's imports are to be shown, with --list-imports."""
