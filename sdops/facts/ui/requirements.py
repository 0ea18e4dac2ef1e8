"""Reads the requirements files of a user interface."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sdops.facts.files import exists, read_text
from sdops.facts.probe import Probed
from sdops.facts.types import Gap, Requirement

_LIMIT_BYTES = 256 * 1024
_FILES = 20
_LINES = 1000


def read(paths: Iterable[Path]) -> Probed[tuple[Requirement, ...]]:
    """The requirements in the files at `paths` and in those that they include.

    Options (`--extra-index-url`) are left out, continuation lines joined, comments removed, as
    pip's requirements file format has it.
    """
    requirements: list[Requirement] = []
    gaps = []
    waiting = [path for path in paths if exists(path)]
    seen: set[Path] = set()
    while waiting and len(seen) < _FILES and len(requirements) < _LINES:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            text = read_text(path, _LIMIT_BYTES)
        except (OSError, ValueError) as error:
            gaps.append(Gap("ui.requirements", f"{path}: {error}"))
            continue
        for line, content in _logical_lines(text):
            included = _included(content)
            if included:
                waiting.append(path.parent / included)
            elif not content.startswith("-"):
                requirements.append(Requirement(content, str(path), line))
    return Probed(tuple(requirements[:_LINES]), tuple(gaps))


def _logical_lines(text: str) -> Iterable[tuple[int, str]]:
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        content = "" if line.lstrip().startswith("#") else line.split(" #", 1)[0]
        if content.endswith("\\"):
            joined += content[:-1]
            continue
        content = (joined + content).strip()
        if content:
            yield start, content
        joined, start = "", 0


def _included(line: str) -> str | None:
    for option in ("-r", "--requirement", "-c", "--constraint"):
        if line.startswith((f"{option} ", f"{option}=")):
            return line[len(option) + 1 :].strip() if option in ("-r", "--requirement") else None
    return None
