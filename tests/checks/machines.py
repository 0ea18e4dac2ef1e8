"""The captured machines: one JSON file each in `tests/machines`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sdops.facts.codec import facts_from_json
from sdops.facts.types import Facts

FOLDER = Path(__file__).parent.parent / "machines"
FILES = sorted(FOLDER.glob("*.json"))


def document(file: Path) -> dict[str, Any]:
    """All that a file holds: description, source, must, must_not, facts."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def facts_of(file: Path) -> Facts:
    """The facts in a file."""
    return facts_from_json(document(file)["facts"])
