"""`sdops info`: what is this model file?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer


def info(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", readable=False, help="Model files or folders.")
    ],
    format_name: options.Format = None,
    json: options.Json = False,
    output: options.Output = None,
    fail_on: options.FailOn = "error",
    quiet: options.Quiet = False,
) -> None:
    """Say what a model file is: architecture, parts, precision, EMA, training metadata."""
    from sdops.checkpoint.identify import report as info_report

    answer = Answer.of(format_name, json, output, fail_on, quiet)
    answer.give(info_report.report(paths))
