"""`sdops info`: what is this model file?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdops.cli.answer import Answer
from sdops.cli.reporting import reporting
from sdops.finding import Report


@reporting
def info(
    answer: Answer,  # noqa: ARG001  (it has no progress to be quiet about)
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", readable=False, help="Model files or folders.")
    ],
    details: Annotated[
        bool, typer.Option("--details", help="Everything about each file, however many.")
    ] = False,
) -> Report:
    """Say what a model file is: architecture, parts, precision, EMA, training metadata."""
    from sdops.checkpoint.identify import report as info_report

    return info_report.report(paths, details=details)
