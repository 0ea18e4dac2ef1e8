"""A launch flag that is meant for a single start was left in the launch file.

`--reinstall-torch` and `--reinstall-xformers` download gigabytes again at every start and undo
every repair; others make the UI stop right after starting.

Fix: Take the flag away now that it has done its work.

Source: AUTOMATIC1111/stable-diffusion-webui modules/launch_utils.py; profiles/uis.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.flags import arguments_of, flags_of, row_of, takes_flag


def check(facts: Facts) -> Iterator[Finding]:
    """Every one-shot flag that stands in a launch file."""
    ui = facts.ui
    if ui is None or flags_of(ui.kind) is None:
        raise Skip("There is no UI here whose flags are known.")
    for use in {use.flag: use for use in arguments_of(ui)}.values():
        row = row_of(ui, use.flag)
        if row is None or not row.one_shot or not takes_flag(ui, use.flag):
            continue
        yield Finding(
            rule="flag-one-shot",
            severity=Severity.WARNING,
            title=f"{use.flag} was left on and acts at every start.",
            why=f"It is meant for one start: {row.meaning}.",
            evidence={"flag": use.flag},
            location=Location(use.file, line=use.line),
            remedies=(
                Remedy(
                    f"Take {use.flag} out of the launch file.",
                    Action.CHANGE_FLAG,
                    remove_flags=(use.flag,),
                    automatic=True,
                ),
            ),
        )
