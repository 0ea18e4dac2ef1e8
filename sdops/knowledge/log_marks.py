"""What programs print that tells where one is in a log: sections, stages, banners, facts."""

from __future__ import annotations

import re
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
