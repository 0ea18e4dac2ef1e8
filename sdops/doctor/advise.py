"""From facts to a launch plan: the flags that this UI should be started with on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sdops.doctor.launch.case import LaunchCase, case_of
from sdops.doctor.launch.device_choice import device_choice
from sdops.doctor.launch.instances import instance_lines
from sdops.doctor.launch.line import launch_line
from sdops.doctor.launch.measured import outdone
from sdops.doctor.launch.needed import needed_flags
from sdops.doctor.launch.network import network_flags, tunnel_note
from sdops.doctor.launch.unwanted import unwanted_flags
from sdops.facts.credentials import HIDDEN
from sdops.facts.types import Argument, Facts, UiInstall
from sdops.knowledge.flags import arguments_of, row_of, takes_flag
from sdops.knowledge.launch_rules import has_gpu
from sdops.launch import LaunchPlan, PlannedFlag

WISHES = ("remote", "speed", "low-memory", "quality")
"""What `--for` takes."""


def advise(
    facts: Facts, measured: Sequence[PlannedFlag] = (), wish: str | None = None
) -> LaunchPlan | None:
    """How to start the patient's UI; None without a UI, or for one that sdops has no rules for.

    The user's own flags stay, except those listed in `remove`.

    Args:
        facts: the machine and the patient.
        measured: flags that were shown to be needed here; they win over what is only known.
        wish: what the user asks for: one of `WISHES`.
    """
    case = case_of(facts, wish)
    if case is None:
        return None
    ui, rules = case.ui, case.rules
    shown = tuple(flag for flag in measured if takes_flag(ui, flag.flag))
    proven = {flag.flag for flag in shown}
    unwanted = (flag for flag in unwanted_flags(case) if flag.flag not in proven)
    remove = (*unwanted, *outdone(ui, rules, shown))
    gone = {removed.flag for removed in remove}
    kept = [argument for argument in arguments_of(ui) if argument.flag not in gone]
    names = proven.union(argument.flag for argument in kept)
    known = needed_flags(case, frozenset(names))
    flags = (
        *shown,
        *(flag for flag in known if flag.flag not in proven),
        *device_choice(case),
        *network_flags(case),
    )
    words = _words(ui, kept, flags)
    line, place = launch_line(case, words)
    if HIDDEN in line:
        place += f" (with your own secrets in place of {HIDDEN})"
    return LaunchPlan(
        ui=ui.kind,
        flags=flags,
        remove=remove,
        line=line,
        place=place,
        changes=bool(gone) or any(not _stands(flag, kept) for flag in flags),
        note=" ".join(_notes(case, flags)),
        instances=instance_lines(case, words),
    )


def _notes(case: LaunchCase, flags: Sequence[PlannedFlag]) -> Iterator[str]:
    if not flags and case.rules.nothing_needed and has_gpu(case.device):
        yield f"Nothing is needed, because this is so: {case.rules.nothing_needed}"
    if case.wish == "remote":
        yield from tunnel_note(case)
    elif case.wish and not any(rule.wish == case.wish for rule in case.rules.wishes):
        where = case.rules.place or "its own settings are the place"
        yield f"This UI has no flags for that ({case.wish}): {where}."


def _words(
    ui: UiInstall, kept: Sequence[Argument], flags: Sequence[PlannedFlag]
) -> tuple[str, ...]:
    """The user's flags in their order, then the planned ones that are not among them."""
    replaced = {flag.flag for flag in flags if not _stands(flag, kept)}
    own: dict[str, tuple[str, ...]] = {}
    words: list[str] = []
    for argument in kept:
        if argument.flag in replaced:
            continue
        piece = (argument.flag, *_values(ui, argument))
        if own.get(argument.flag) != piece:
            own[argument.flag] = piece
            words += piece
    for flag in flags:
        if flag.flag in replaced:
            words += [flag.flag] if flag.value is None else [flag.flag, flag.value]
    return tuple(words)


def _values(ui: UiInstall, argument: Argument) -> tuple[str, ...]:
    if argument.value is None:
        return ()
    row = row_of(ui, argument.flag)
    return tuple(argument.value.split()) if row and row.takes == "many" else (argument.value,)


def _stands(flag: PlannedFlag, kept: Sequence[Argument]) -> bool:
    """Whether the user has set it already, with the same value."""
    return any(
        argument.flag == flag.flag
        and (flag.value is None or flag.value in (argument.value or "").split())
        for argument in kept
    )
