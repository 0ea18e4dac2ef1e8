"""`sdops explain`: what a console log means, and what to do about it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdops.cli.answer import Answer
from sdops.cli.reporting import reporting
from sdops.finding import Report

if TYPE_CHECKING:
    from sdops.explain.report import Known


@reporting
def explain(
    _answer: Answer,
    logs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LOG…",
            help="Files with a console's text, or UIs' folders. Default, and -: standard input.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="FOLDER", help="The installation that the log is about."),
    ] = None,
    facts_file: Annotated[
        Path | None,
        typer.Option("--facts", help="Facts of the machine, as sdops doctor --save-facts wrote."),
    ] = None,
    every_run: Annotated[
        bool, typer.Option("--all", help="Judge every run in the log, not the last that failed.")
    ] = False,
    new_signature: Annotated[
        bool,
        typer.Option("--new-signature", help="Print the skeleton of a signature for this log."),
    ] = False,
) -> Report | None:
    """Name the cause in a console log: what failed, the line that proves it, what to do."""
    from sdops.cli.answer import write_stdout
    from sdops.explain import places, report, skeleton

    begin = time.monotonic()
    known = _known(target, facts_file)
    names = places.logs_in(logs or [report.STDIN])
    explained = [
        report.explain(name, report.read_log(name), known, every_run=every_run) for name in names
    ]
    if new_signature:
        write_stdout(skeleton.skeleton(explained))
        return None
    return report.report(explained, known, begin)


def _known(target: str | None, facts_file: Path | None) -> Known:
    from sdops.explain.report import Known

    if target is None and facts_file is None:
        return Known()
    from sdops.doctor.diagnose import diagnose
    from sdops.doctor.examine import choose
    from sdops.doctor.session import Patient, facts_of
    from sdops.explain.machine import from_facts
    from sdops.facts.gather import Depth

    facts = facts_of(Patient(target, None, None, facts_file), Depth(deep=False, net=False))
    findings = diagnose(facts, choose([]), time.monotonic()).findings
    return Known(from_facts(facts), findings)
