"""Writes recorded pieces of `/proc`, `/sys` and `/etc` into a folder that stands for a machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sdops.facts.tree import Tree


def record(root: Path, files: Mapping[str, str]) -> Tree:
    """A tree with these files, each by its absolute path; `-> TARGET` makes a symbolic link."""
    for path, text in files.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            place.symlink_to(text[3:])
        else:
            place.write_text(text, encoding="utf-8")
    return Tree(root)
