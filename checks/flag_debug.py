"""A launch flag for debugging or for finding a fault was left on.

Extensions or custom nodes stay off, generation is slower, or the console drowns in messages.

Fix: Take the flag away when the fault is found.

Source: The UIs' own argument files (profiles/uis).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.flags import arguments_of, flags_of, row_of, takes_flag


def check(facts: Facts) -> Iterator[Finding]:
    """A note for each: the user may still be looking for the fault."""
    ui = facts.ui
    if ui is None or flags_of(ui.kind) is None:
        raise Skip("There is no UI here whose flags are known.")
    for use in {use.flag: use for use in arguments_of(ui)}.values():
        row = row_of(ui, use.flag)
        if row is None or row.debug is None or row.one_shot or not takes_flag(ui, use.flag):
            continue
        yield Finding(
            rule="flag-debug",
            severity=Severity.INFO,
            title=f"{use.flag} is on: {row.debug}.",
            why="It is meant for finding a fault, not for daily use.",
            evidence={"flag": use.flag},
            location=Location(use.file, line=use.line),
            remedies=(
                Remedy(
                    f"Take {use.flag} away when you no longer need it.",
                    Action.CHANGE_FLAG,
                    remove_flags=(use.flag,),
                ),
            ),
        )
