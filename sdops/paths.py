"""Names of files that hold everywhere: absolute, real, longer than Windows allows, portable."""

from __future__ import annotations

import os

_LONGEST = 240
"""Windows opens names of fewer than 260 characters, folders of fewer than 248; a little less, since
names are added to (Microsoft, "Maximum Path Length Limitation")."""


def real(path: str | os.PathLike[str]) -> str:
    """Where `path` leads, or just its absolute name where a disk does not say (RAM disks, shares).

    It is also the absolute name of one that is too long, or circular, or no name at all.
    """
    name = os.fspath(path)
    try:
        return os.path.realpath(name)
    except (OSError, ValueError):
        return os.path.abspath(name)


def openable(name: str) -> str:
    r"""`name`, or its `\\?\` form where it is too long for Windows."""
    if os.name != "nt" or name.startswith("\\\\?\\"):
        return name
    whole = os.path.abspath(name)
    if len(whole) < _LONGEST:
        return name
    return f"\\\\?\\UNC{whole[1:]}" if whole.startswith("\\\\") else f"\\\\?\\{whole}"


def usual(name: str) -> str:
    r"""`name` without `\\?\`, as other programs and people write it."""
    if name.startswith("\\\\?\\UNC\\"):
        return "\\\\" + name[8:]
    return name.removeprefix("\\\\?\\")


def portable(name: str) -> str:
    """A relative `name` as it is written in what is read elsewhere: with `/`."""
    return name.replace(os.sep, "/") if os.sep == "\\" else name
