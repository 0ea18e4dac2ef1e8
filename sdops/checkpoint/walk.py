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

    Links to files are followed (the Hugging Face cache is made of them); links to folders are not,
    so that a loop cannot trap the walk.
    """
    files: dict[Path, None] = {}
    faults: list[str] = []

    def unlistable(error: OSError) -> None:
        faults.append(f"{error.filename} cannot be listed: {error.strerror or error}.")

    for path in paths:
        if not path.is_dir():
            if os.path.lexists(path):
                files[path] = None
            else:
                faults.append(f"{path} does not exist.")
            continue
        for here, folders, names in os.walk(path, onerror=unlistable):
            folders.sort()
            files.update((Path(here, name), None) for name in sorted(names))
    return Walk(tuple(files), tuple(faults))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
