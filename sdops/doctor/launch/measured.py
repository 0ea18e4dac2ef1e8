"""Flags that were measured to be needed win over what the user has chosen otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sdops.facts.types import UiInstall
from sdops.knowledge.flags import arguments_of
from sdops.knowledge.launch_rules import LaunchRules
from sdops.launch import PlannedFlag, RemovedFlag


def outdone(
    ui: UiInstall, rules: LaunchRules, measured: Sequence[PlannedFlag]
) -> Iterator[RemovedFlag]:
    """The user's own flags that decide otherwise what was measured."""
    for argument in arguments_of(ui):
        for flag in measured:
            if argument.flag in _others(rules, flag):
                yield RemovedFlag(
                    argument.flag, f"On this machine {flag.flag} was measured to be needed instead."
                )


def _others(rules: LaunchRules, flag: PlannedFlag) -> set[str]:
    """The flags that choose differently where `flag` chooses."""
    groups = (set(choices) for choices in rules.choices.values())
    return {other for group in groups if flag.flag in group for other in group - {flag.flag}}
