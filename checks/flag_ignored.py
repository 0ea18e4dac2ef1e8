"""A launch flag is set that this UI ignores or has removed.

The flag looks as if it did something and does nothing: what it should fix stays broken. Forge,
for one, takes most of A1111's flags and reads few of them.

Fix: Take the flag out of the launch file; where this UI has a flag of its own for the same thing,
use that.

Source: The argument files of A1111, Forge, reForge, ComfyUI and SD.Next (profiles/uis), and the
UI's own argument file where it stands in the folder.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.flags import FlagStatus, flags_of, row_of, status_of, uses_of


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each flag; a warning where it was removed, else a note."""
    ui = facts.ui
    table = flags_of(ui.kind) if ui else None
    if ui is None or table is None:
        raise Skip("There is no UI here whose flags are known.")
    for use in {use.flag: use for use in uses_of(ui)}.values():
        status = status_of(ui, use.flag)
        if status not in (FlagStatus.IGNORED, FlagStatus.REMOVED):
            continue
        row = row_of(ui, use.flag)
        instead = row.instead if row else None
        gone = status is FlagStatus.REMOVED
        why = f"{table.title} has removed it." if gone else "It is accepted, and nothing reads it."
        advice = f"Take {use.flag} away."
        if instead:
            advice += f" If you need what it did elsewhere, {table.title} calls it {instead}."
        yield Finding(
            rule="flag-ignored",
            severity=Severity.WARNING if gone or instead else Severity.INFO,
            title=f"{use.flag} does nothing in {table.title}.",
            why=why,
            evidence={"flag": use.flag, "instead": instead, "status": status.value},
            location=Location(use.file, line=use.line),
            remedies=(
                Remedy(advice, Action.CHANGE_FLAG, remove_flags=(use.flag,), automatic=True),
            ),
        )
