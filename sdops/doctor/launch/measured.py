"""Flags that were measured to be needed win over those that are only known or advised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sdops.facts.types import UiInstall
from sdops.knowledge.flags import arguments_of
from sdops.knowledge.launch_rules import LaunchRules
from sdops.launch import PlannedFlag, RemovedFlag


def without(
    planned: Iterable[PlannedFlag], rules: LaunchRules, measured: Sequence[PlannedFlag]
) -> Iterator[PlannedFlag]:
    """Those of `planned` that no measured flag stands for, or decides otherwise."""
    taken = _taken(rules, measured)
    return (flag for flag in planned if flag.flag not in taken)


def outdone(
    ui: UiInstall, rules: LaunchRules, measured: Sequence[PlannedFlag]
) -> Iterator[RemovedFlag]:
    """The user's own flags that decide otherwise what was measured."""
    own = {flag.flag for flag in measured}
    for argument in arguments_of(ui):
        if argument.flag in _taken(rules, measured) - own:
            better = next(f for f in measured if argument.flag in _taken(rules, (f,)))
            yield RemovedFlag(
                argument.flag, f"On this machine {better.flag} was measured to be needed instead."
            )


def _taken(rules: LaunchRules, measured: Sequence[PlannedFlag]) -> set[str]:
    """The measured flags, and all that choose differently where they choose."""
    flags = {flag.flag for flag in measured}
    for choices in rules.choices.values():
        if flags & set(choices):
            flags |= set(choices)
    return flags
