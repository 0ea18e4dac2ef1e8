"""Finds the files that a command was asked to read: the files named, and those in folders named."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Walk:
    """The files found, and what could not be read."""

    files: tuple[Path, ...]
    faults: tuple[str, ...] = ()
    """One sentence for each path that does not exist and each folder that cannot be listed."""

    @property
    def total_bytes(self) -> int:
        """The files' sizes together; a file that is gone meanwhile counts nothing."""
        return sum(_size(file) for file in self.files)


def walk(paths: Iterable[Path]) -> Walk:
    """The files at `paths`, each once; folders are walked in order of their names.

    Links are followed: the Hugging Face cache is made of links to files, and users keep models on
    another disk behind links to folders. A folder is walked once, so that a loop cannot trap the
    walk, and a link to a folder around the one that was named is told instead of followed.
    """
    files: dict[Path, None] = {}
    faults: list[str] = []
    for path in paths:
        if path.is_dir():
            _walk_folder(path, files, faults)
        elif os.path.lexists(path):
            files[path] = None
        else:
            faults.append(f"{path} does not exist.")
    return Walk(tuple(files), tuple(faults))


def _walk_folder(root: Path, files: dict[Path, None], faults: list[str]) -> None:
    def unlistable(error: OSError) -> None:
        faults.append(f"{error.filename} cannot be listed: {error.strerror or error}.")

    around = set(map(_identity, root.resolve().parents))
    seen = {_identity(root)}
    for here, folders, names in os.walk(root, onerror=unlistable, followlinks=True):
        entered = []
        for name in sorted(folders):
            folder = Path(here, name)
            identity = _identity(folder)
            if identity in around:
                faults.append(f"{folder} links to a folder around {root} and is not followed.")
            elif identity is None or identity not in seen:
                seen.add(identity)
                entered.append(name)
        folders[:] = entered
        files.update((Path(here, name), None) for name in sorted(names))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None  # listing it tells why
    return status.st_dev, status.st_ino


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
