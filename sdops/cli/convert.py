"""`sdops convert`: any checkpoint to safetensors, exactly, without running what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer
from sdops.cli.reporting import reporting
from sdops.errors import UsageError
from sdops.finding import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from sdops.checkpoint.convert.plan import Plan
    from sdops.checkpoint.convert.precision import Precision
    from sdops.checkpoint.convert.work import Planner
    from sdops.checkpoint.types import Checkpoint

    Change = Callable[[Plan], Plan]

Source = Annotated[
    Path,
    typer.Argument(
        metavar="SRC", readable=False, help="A checkpoint, an *.index.json, or a folder."
    ),
]
Destination = Annotated[
    Path | None,
    typer.Argument(metavar="[DST]", readable=False, help="The new file; beside SRC by default."),
]
To = Annotated[str, typer.Option("--to", help="safetensors, or ckpt for old UIs.")]
Repairs = Annotated[
    list[str] | None,
    typer.Option("--fix", help="position-ids or text-encoder-names; repeatable."),
]
Alias = Annotated[
    bool, typer.Option("--alias", help="Write tied tensors once and note their other names.")
]


@reporting
def convert(
    answer: Answer,
    writing: options.Writing,
    source: Source,
    destination: Destination = None,
    to: To = "safetensors",
    alias: Alias = False,
    repairs: Repairs = None,
) -> Report:
    """Convert a checkpoint to safetensors; nothing in it is ever executed."""
    from sdops.checkpoint.convert.plan import with_aliases, without_metadata
    from sdops.checkpoint.convert.tasks import work_on
    from sdops.cli.writing import carried_out, manner, precision_of

    precision = precision_of(writing)
    to = to.casefold()
    if to not in ("safetensors", "ckpt"):
        hint = "--to takes safetensors or ckpt."
        raise UsageError(f"There is no format {to!r} to convert to.", hint)
    if alias and (to == "ckpt" or writing.no_metadata):
        without = "--no-metadata leaves out" if writing.no_metadata else "a .ckpt does not have"
        raise UsageError(f"--alias notes names in the metadata, which {without}.", "Leave it out.")
    changes = _repairs(repairs or [])
    if alias:
        changes.append(with_aliases)
    if to == "ckpt":
        changes.append(without_metadata)
    how = manner(_planner(precision, changes), f".{to}", writing)
    found = work_on(source, destination, writing.out, how.suffix, how.suffix)
    passes = 1 + (not writing.no_verify)
    return carried_out("convert", found, how, passes, quiet=answer.quiet)


def _repairs(words: list[str]) -> list[Change]:
    from sdops.checkpoint.convert.fixes import FIXES

    for word in words:
        if word not in FIXES:
            raise UsageError(f"There is no repair {word!r}.", f"--fix takes {', '.join(FIXES)}.")
    return [FIXES[word] for word in words]


def _planner(precision: Precision, changes: list[Change]) -> Planner:
    from sdops.checkpoint.convert.plan import convert_plan

    def plan(checkpoint: Checkpoint) -> Plan:
        planned = convert_plan(checkpoint, precision)
        for change in changes:
            planned = change(planned)
        return planned

    return plan
