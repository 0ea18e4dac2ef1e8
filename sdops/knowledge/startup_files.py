"""Which `.pth` files with executed lines are known, and which are suspicious."""

from __future__ import annotations

import re

from sdops.facts.types import PthFile
from sdops.profile import load


def is_known(file: PthFile) -> bool:
    """Whether the file is one of the harmless ones that packages bring."""
    name = re.split(r"[\\/]", file.path)[-1]
    return any(
        re.fullmatch(row["name"], name) and all(re.match(row["line"], line) for line in file.lines)
        for row in load("startup_files")["known"]
    )


def suspicions(file: PthFile) -> tuple[str, ...]:
    """What is suspicious about the file's lines, in words."""
    text = "\n".join(file.lines)
    rows = load("startup_files")["suspicious"]
    return tuple(row["why"] for row in rows if re.search(row["pattern"], text, re.IGNORECASE))
