"""The flags that are set and should go, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.doctor.launch.case import LaunchCase
from sdops.facts.types import Facts, UiInstall
from sdops.knowledge.flag_meanings import instead_of
from sdops.knowledge.flags import (
    FlagStatus,
    arguments_of,
    flags_of,
    is_complete,
    row_of,
    status_of,
)
from sdops.knowledge.launch_rules import unwanted
from sdops.knowledge.listening import of_facts
from sdops.launch import RemovedFlag


def unwanted_flags(case: LaunchCase) -> tuple[RemovedFlag, ...]:
    """Each flag once, with the weightiest reason."""
    facts, ui = case.facts, case.ui
    reasons: dict[str, str] = {}
    for source in (_dead(ui), _unfit(case), _dangerous(facts)):
        for removed in source:
            reasons.setdefault(removed.flag, removed.reason)
    for removed in _contradicting(ui, frozenset(reasons)):
        reasons.setdefault(removed.flag, removed.reason)
    return tuple(RemovedFlag(flag, reason) for flag, reason in reasons.items())


def _dead(ui: UiInstall) -> Iterator[RemovedFlag]:
    """Flags that do nothing here, are not known, or were meant for one start."""
    table = flags_of(ui.kind)
    title = table.title if table else ui.kind
    for argument in arguments_of(ui):
        row = row_of(ui, argument.flag)
        instead = f" {row.instead} does the same here." if row and row.instead else ""
        status = status_of(ui, argument.flag)
        if status is FlagStatus.REMOVED:
            yield RemovedFlag(argument.flag, f"{title} has removed it.{instead}")
        elif status is FlagStatus.IGNORED:
            yield RemovedFlag(argument.flag, f"{title} accepts it and does nothing.{instead}")
        elif status is FlagStatus.UNKNOWN and is_complete(ui):
            instead_ = instead_of(ui, argument.flag)
            guess = f"; {instead_.flag} is what does it here" if instead_.flag else ""
            reason = f"This {title} does not know it and stops at start{guess}. {instead_.why}"
            yield RemovedFlag(argument.flag, reason.strip())
        elif row and row.one_shot:
            yield RemovedFlag(
                argument.flag, "It is meant for a single start; left here, it acts at every start."
            )


def _unfit(case: LaunchCase) -> Iterator[RemovedFlag]:
    for argument, rule in unwanted(case.rules, case.facts, case.device):
        yield RemovedFlag(argument.flag, rule.reason)


def _dangerous(facts: Facts) -> Iterator[RemovedFlag]:
    listening = of_facts(facts)
    if facts.ui is None or listening is None or listening.authenticated:
        return
    if listening.wanted_remote or listening.share:
        for flag in listening.rules.extension_access:
            if facts.ui.argument(flag):
                yield RemovedFlag(flag, "It lets any visitor install programs on this computer.")


def _contradicting(ui: UiInstall, gone: frozenset[str]) -> Iterator[RemovedFlag]:
    """All but the last written of flags that exclude each other."""
    table = flags_of(ui.kind)
    written = [item.flag for item in arguments_of(ui) if item.flag not in gone]
    for group in table.exclusive if table else ():
        found = list(dict.fromkeys(flag for flag in written if flag in group.flags))
        if group.fatal and len(found) > 1:
            for flag in found[:-1]:
                yield RemovedFlag(flag, f"It contradicts {found[-1]}: {group.effect}.")
