"""Environment variables as the patient gets them, and those that are meant for debugging."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from sdops.facts.types import Facts
from sdops.finding import Location, Severity
from sdops.profile import load


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable in force for the patient."""

    name: str
    value: str
    location: Location | None = None
    """The launch file and line that sets it; None where it comes from the user's environment."""


@dataclass(frozen=True, slots=True)
class DebugVariable:
    """Variables for debugging; a row of `profiles/variables`."""

    names: tuple[str, ...]
    severity: Severity
    effect: str
    """Completes the sentence "While it is set, …"."""
    off: tuple[str, ...] = ()
    """Values that switch it off."""
    pattern: re.Pattern[str] = re.compile("")
    """Only values in which this is found matter."""

    def matters(self, value: str) -> bool:
        """Whether one of these variables with this value costs or breaks something."""
        return value.lower() not in self.off and self.pattern.search(value) is not None


def variable(facts: Facts, name: str) -> Variable | None:
    """The variable `name` as the UI's launch file sets it, else as the user's environment does.

    An empty value counts as not set. Names differ by case except on Windows; those of proxies are
    found in either case.
    """
    wanted = name.upper()
    if facts.ui is not None:
        for setting in reversed(facts.ui.settings):
            if setting.name.upper() == wanted:
                place = Location(setting.file, line=setting.line)
                return Variable(setting.name, setting.value, place) if setting.value else None
    for key, value in facts.host.environment.items():
        if key.upper() == wanted and value:
            return Variable(key, value)
    return None


@cache
def debug_variables() -> tuple[DebugVariable, ...]:
    """All variables that are known to cost speed or break programs when left on."""
    return tuple(
        DebugVariable(
            names=tuple(row["names"]),
            severity=Severity.of(row["severity"]),
            effect=row["effect"],
            off=tuple(row.get("off", ())),
            pattern=re.compile(row.get("pattern", "")),
        )
        for row in load("variables")["variables"]
    )
