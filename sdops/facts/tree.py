"""A file system seen from its root, so that a recorded machine can stand in for this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tree:
    """Reads `/proc`, `/sys`, `/dev` and `/etc` under a root folder, the real one by default."""

    root: Path = Path("/")

    def path(self, path: str) -> Path:
        """Where the absolute `path` really is."""
        return self.root / path.lstrip("/")

    def read(self, path: str) -> str:
        """The text of a file, its white space at the ends removed.

        Raises:
            OSError: it is missing or may not be read.
        """
        with self.path(path).open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace").strip("\0 \t\r\n")

    def text(self, path: str) -> str | None:
        """The text of a file, or None where it cannot be read."""
        try:
            return self.read(path)
        except OSError:
            return None

    def integer(self, path: str) -> int | None:
        """The whole number, decimal or `0x…`, that a file holds, or None."""
        try:
            return int(self.text(path) or "", 0)
        except ValueError:
            return None

    def exists(self, path: str) -> bool:
        """Whether something stands at `path`."""
        try:
            return self.path(path).exists()
        except OSError:
            return False

    def names(self, path: str) -> tuple[str, ...]:
        """The names in a folder, sorted; empty where it is missing or may not be read."""
        try:
            return tuple(sorted(entry.name for entry in self.path(path).iterdir()))
        except OSError:
            return ()

    def link_name(self, path: str) -> str | None:
        """The last part of where a symbolic link points, or None."""
        try:
            return self.path(path).readlink().name
        except OSError:
            return None


REAL = Tree()
"""This machine."""
