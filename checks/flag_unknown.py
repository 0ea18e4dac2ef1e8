"""A launch flag is set that this UI does not know.

The UI stops at start with `unrecognized arguments`, before its window opens.

Fix: Correct the spelling, or take the flag out of the launch file. If it belongs to an extension,
enable that extension again.

Source: Python's argparse, which all these UIs use; their argument files (profiles/uis), and the
UI's own argument file where it stands in the folder.
"""

from __future__ import annotations

from sdops.check import (
    Action,
    Argument,
    Facts,
    Finding,
    Iterator,
    Location,
    Remedy,
    Severity,
    Skip,
    UiInstall,
)
from sdops.knowledge.flag_meanings import instead_of
from sdops.knowledge.flags import (
    FlagStatus,
    arguments_of,
    flags_of,
    is_complete,
    status_of,
)

FORGIVING = "IGNORE_CMD_ARGS_ERRORS"
"""The variable with which A1111 and its kin let unknown flags pass."""


def check(facts: Facts) -> Iterator[Finding]:
    """An error where the UI's own list of flags was read and no extension can add to it."""
    ui = facts.ui
    if ui is None or flags_of(ui.kind) is None:
        raise Skip("There is no UI here whose flags are known.")
    if ui.setting(FORGIVING) or facts.host.environment.get(FORGIVING):
        raise Skip(f"{FORGIVING} is set: the UI lets unknown flags pass.")
    for use in {use.flag: use for use in arguments_of(ui)}.values():
        if status_of(ui, use.flag) is FlagStatus.UNKNOWN:
            yield _finding(ui, use)


def _finding(ui: UiInstall, use: Argument) -> Finding:
    table = flags_of(ui.kind)
    assert table is not None
    instead = instead_of(ui, use.flag)
    sure = is_complete(ui)
    doubt = "" if ui.known_flags else f" sdops knows {table.title} as of {table.dated}."
    if ui.known_flags and not sure:
        doubt = " One of its extensions may add it."
    if instead.foreign:
        doubt = f" It is a flag of {instead.foreign}.{doubt}"
    meant = instead.flag
    return Finding(
        rule="flag-unknown",
        severity=Severity.ERROR if sure else Severity.WARNING,
        title=f"{table.title} does not know {use.flag} and will not start with it."
        if sure
        else f"{table.title} may not know {use.flag}, and then it will not start.",
        why=f"It is not among the flags of {table.title}.{doubt}",
        evidence={"flag": use.flag, "instead": meant, "own_list_read": bool(ui.known_flags)},
        location=Location(use.file, line=use.line),
        remedies=(
            Remedy(
                f"Write {meant} instead of {use.flag}, or take it away."
                if meant
                else f"Take {use.flag} away. {instead.why}".strip(),
                Action.CHANGE_FLAG,
                add_flags=(meant,) if meant else (),
                remove_flags=(use.flag,),
            ),
        ),
    )
