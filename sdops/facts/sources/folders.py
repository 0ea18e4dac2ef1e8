"""Folders of Python code, each listed once in a look."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sdops.facts.files import is_folder, readable_entries

CODE = (".py", ".so", ".pyd", ".pyc")
_NAMES = 20_000
_SKIPPED = (".git", "node_modules", "__pycache__")


class Folders:
    """Says which modules lie in a folder."""

    def __init__(self) -> None:
        self._listed: dict[Path, frozenset[str]] = {}

    def modules_in(self, folder: Path) -> frozenset[str]:
        """The names of the modules in `folder`; a folder is one as well."""
        if folder not in self._listed:
            self._listed[folder] = frozenset(
                entry.name.partition(".")[0]
                for entry in readable_entries(folder)
                if entry.name.endswith(CODE) or is_folder(entry.path)
            )
        return self._listed[folder]

    def has(self, base: Path) -> bool:
        """Whether there is a module at `base`, a path without suffix."""
        return base.name in self.modules_in(base.parent)

    def file_of(self, base: Path) -> Path | None:
        """The source file of the module at `base`; None where it has none."""
        if self.has(base):
            for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
                if path.is_file():
                    return path
        return None


def names_below(root: Path) -> Iterator[str]:
    """Every name of a module anywhere under `root`."""
    count = 0
    for _, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        yield from folders
        yield from (name.partition(".")[0] for name in files if name.endswith(CODE))
        count += len(folders) + len(files)
        if count > _NAMES:
            return
