"""Folders in which UIs do not work well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from sdops.facts.types import Host
from sdops.finding import Severity
from sdops.profile import load
from sdops.uis import is_one_of


@dataclass(frozen=True, slots=True)
class PathTrouble:
    """One kind of trouble with a folder; a row of `profiles/paths`."""

    id: str
    pattern: re.Pattern[str]
    severity: Severity
    effect: str
    """Completes the sentence "In this folder, …"."""
    advice: str
    """Completes the sentence "Move the UI to a folder …"."""
    kinds: tuple[str, ...] = ()
    """The UIs that suffer; empty for all."""
    systems: tuple[str, ...] = ()
    """`linux`, `windows`, `macos`, `wsl`; empty for all."""


def path_troubles(path: str, kind: str, host: Host) -> Iterator[PathTrouble]:
    """What is wrong with `path` as the folder of a UI of `kind` on `host`."""
    system = "wsl" if host.wsl else host.os
    for trouble in _rows():
        if trouble.kinds and not is_one_of(kind, trouble.kinds):
            continue
        if trouble.systems and system not in trouble.systems:
            continue
        if trouble.pattern.search(path):
            yield trouble


@cache
def _rows() -> tuple[PathTrouble, ...]:
    return tuple(
        PathTrouble(
            id=row["id"],
            pattern=re.compile(row["pattern"]),
            severity=Severity.of(row["severity"]),
            effect=row["effect"],
            advice=row["advice"],
            kinds=tuple(row.get("kinds", ())),
            systems=tuple(row.get("systems", ())),
        )
        for row in load("paths")["paths"]
    )
