"""What programs print that tells where one is in a log: sections, stages, banners, facts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from sdops.profile import load


class Mark(NamedTuple):
    """A name and the expression by which it is recognized."""

    name: str
    pattern: re.Pattern[str]


@cache
def marks(kind: str) -> tuple[Mark, ...]:
    """The rows of `kind` (`section`, `stage`, `place`, `fact` …) in `profiles/log_marks`."""
    return tuple(
        Mark(
            row.get("name", ""),
            re.compile("|".join(row["patterns"]), re.IGNORECASE if row.get("ignore_case") else 0),
        )
        for row in load("log_marks")[kind]
    )


def mark(kind: str) -> re.Pattern[str]:
    """The one expression of `kind`: `banner`, `paused` or `muted`."""
    return marks(kind)[0].pattern


_ANCHOR = r"^\s*"
_FIXED_START = re.compile(r"\\?([\w*\[$:×╰])(?![?*{])")
PROGRESS = ("banner", "paused", "stage", "section")
"""The kinds that say where one is, each at most once a line."""


@cache
def _by_first_letter() -> Mapping[str, tuple[tuple[str, str, re.Pattern[str]], ...]]:
    """Patterns of PROGRESS by the first letter of the lines that they fit; `` for any letter."""
    table = defaultdict(list)
    for kind in PROGRESS:
        for row in load("log_marks")[kind]:
            for pattern in row["patterns"]:
                start = _FIXED_START.match(pattern.removeprefix(_ANCHOR))
                anchored = pattern.startswith(_ANCHOR) and start is not None
                letter = start[1] if anchored and start is not None else ""
                table[letter].append((kind, row.get("name", ""), re.compile(pattern)))
    return {letter: tuple(rows) for letter, rows in table.items()}


def progress(text: str) -> Mapping[str, str]:
    """Which kinds of PROGRESS the line `text` (without space around it) is, with the row's name."""
    table = _by_first_letter()
    found: dict[str, str] = {}
    for rows in (table.get(text[:1], ()), table.get("", ())):
        for kind, name, pattern in rows:
            if kind not in found and pattern.search(text):
                found[kind] = name
    return found
