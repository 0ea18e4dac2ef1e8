"""Finds the files that a command was asked to read: the files named, and those in folders named.

Names are kept as text: a scan of a small file takes less time than importing `pathlib`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from sdops.paths import openable, real

if TYPE_CHECKING:
    from pathlib import Path


class Walk(NamedTuple):
    """The files found, and what could not be read."""

    names: tuple[str, ...]
    """Where they are."""
    faults: tuple[str, ...] = ()
    """One sentence for each path that does not exist and each folder that cannot be listed."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The same as paths."""
        from pathlib import Path

        return tuple(map(Path, self.names))

    @property
    def total_bytes(self) -> int:
        """The files' sizes together; a file that is gone meanwhile counts nothing."""
        return sum(map(_size, self.names))


def walk(paths: Iterable[str | Path]) -> Walk:
    """The files at `paths`, each once; folders are walked in order of their names.

    Links are followed: the Hugging Face cache is made of links to files, and users keep models on
    another disk behind links to folders. A folder is walked once, so that a loop cannot trap the
    walk, and a link to a folder around the one that was named is reported instead of followed.
    """
    names: dict[str, None] = {}
    faults: list[str] = []
    for path in (openable(os.fspath(path)) for path in paths):
        if os.path.isdir(path):
            _walk_folder(path, names, faults)
        elif os.path.lexists(path):
            names[_tidy(path)] = None
        else:
            faults.append(f"{path} does not exist.")
    return Walk(tuple(names), tuple(faults))


def _walk_folder(root: str, names: dict[str, None], faults: list[str]) -> None:
    def unlistable(error: OSError) -> None:
        faults.append(f"{error.filename} cannot be listed: {error.strerror or error}.")

    around = set(map(_identity, _parents(real(root))))
    seen = {_identity(root)}
    for here, folders, files in os.walk(root, onerror=unlistable, followlinks=True):
        entered = []
        for name in sorted(folders):
            folder = openable(os.path.join(here, name))
            identity = _identity(folder)
            if identity in around:
                faults.append(f"{folder} links to a folder around {root} and is not followed.")
            elif identity is None or identity not in seen:
                seen.add(identity)
                entered.append(name)
        folders[:] = entered
        names.update((openable(_tidy(os.path.join(here, name))), None) for name in sorted(files))


def _tidy(name: str) -> str:
    """`name` without `./` and doubled slashes; where `..` leads may depend on links."""
    return name if ".." in name else os.path.normpath(name)


def _parents(folder: str) -> Iterable[str]:
    while (parent := os.path.dirname(folder)) != folder:
        yield parent
        folder = parent


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None  # listing it tells why
    return status.st_dev, status.st_ino


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size
    except (OSError, ValueError):
        return 0
