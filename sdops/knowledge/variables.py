"""Environment variables as the patient gets them, and those that are meant for debugging."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sdops.facts.types import Facts
from sdops.finding import Action, Location, Remedy, Severity
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


def unset(facts: Facts, found: Variable) -> Remedy:
    """How to take `found` away for good, on the system of these facts."""
    if found.location:
        where = f"line {found.location.line} of {found.location.path}"
        return Remedy(
            f"Take {found.name} out of {where} and start the UI again.", Action.RESTART_UI
        )
    if facts.host.os == "windows":
        return Remedy(
            f"Open the Start menu, type “environment variables”, open “Edit the system environment "
            f"variables”, delete {found.name} in both lists, and start the UI from a new window.",
            Action.RESTART_UI,
        )
    return Remedy(
        f"Find the line that sets {found.name} (mostly in ~/.bashrc, ~/.profile or ~/.zshrc), take "
        f"it out, and start the UI from a new terminal. For this terminal: unset {found.name}",
        Action.RESTART_UI,
    )


@cache
def debug_variables() -> tuple[DebugVariable, ...]:
    """All variables that are known to cost speed or break programs when left on."""
    return tuple(
        DebugVariable(
            names=tuple(row["names"]),
            severity=Severity.of(row["severity"]),
            effect=row["effect"],
            off=tuple(row.get("off", ())),
        )
        for row in load("variables")["variables"]
    )
