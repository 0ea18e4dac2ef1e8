"""`sdops doctor --fix`: shows the plan of a repair, asks, and carries it out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from sdops.cli.answer import note
from sdops.errors import UsageError

if TYPE_CHECKING:
    from sdops.facts.types import Facts
    from sdops.finding import Report


def fix(report: Report, facts: Facts, *, yes: bool) -> bool:
    """Repairs what the report says sdops can repair; whether anything was changed.

    Args:
        report: what the doctor found.
        facts: what it looked at, as gathered on this machine and not redacted.
        yes: do not ask.

    Raises:
        UsageError: nobody is there to ask.
        SdopsError: the user interface is running, or a step failed.
    """
    from sdops.doctor import repair

    plan = repair.plan(report, facts)
    if not plan.steps:
        note("There is nothing here that sdops can repair by itself.")
        if plan.left:
            note(plan.preview())
        return False
    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        note(plan.preview())
        raise UsageError(
            "--fix asks before it changes anything, and here is nobody to ask.",
            "With --yes it does what is written above.",
        )
    done = repair.apply(plan, _agree if yes else _ask, note)
    if done is None:
        note("Nothing was changed.")
        return False
    note(f"Done. How to go back is written in {done.note}")
    return True


def _agree(preview: str) -> bool:
    note(preview)
    return True


def _ask(preview: str) -> bool:
    note(f"This is what sdops would do:\n\n{preview}\n")
    return typer.confirm("Go on?", default=False, err=True)
