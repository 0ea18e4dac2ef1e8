"""Finds a user interface's latest log files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

LATEST = 5
_LOOKED_AT = 2000


def find(root: Path, patterns: Iterable[str]) -> tuple[str, ...]:
    """The log files under `root` that match `patterns`, newest first, empty ones left out."""
    found: dict[Path, float] = {}
    for pattern in patterns:
        folder = root.parent if pattern.startswith("../") else root
        for path in sorted(folder.glob(pattern.removeprefix("../")))[:_LOOKED_AT]:
            try:
                status = path.stat()
            except OSError:
                continue
            if path.is_file() and status.st_size:
                found[path] = status.st_mtime
    newest = sorted(found, key=lambda path: (-found[path], str(path)))
    return tuple(str(path) for path in newest[:LATEST])
