"""`sdops prune`: a training checkpoint made into the one that people run."""

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
    from sdops.checkpoint.convert.plan import Plan
    from sdops.checkpoint.types import Checkpoint

Source = Annotated[
    Path, typer.Argument(metavar="SRC", readable=False, help="A checkpoint, or a folder of them.")
]
Destination = Annotated[
    Path | None,
    typer.Argument(metavar="[DST]", readable=False, help="The new file; SRC-pruned by default."),
]
KeepWord = Annotated[
    str, typer.Option("--keep", help="Which weights stay: ema, live, or auto (EMA if complete).")
]
EmaPartial = Annotated[
    bool, typer.Option("--ema-partial", help="Take the live weight where an average is missing.")
]
Drop = Annotated[
    list[str] | None,
    typer.Option("--drop", help="Also leave out: schedule (the noise schedule's buffers)."),
]


@reporting
def prune(
    answer: Answer,
    writing: options.Writing,
    source: Source,
    destination: Destination = None,
    keep: KeepWord = "auto",
    ema_partial: EmaPartial = False,
    drop: Drop = None,
) -> Report:
    """Keep EMA or live weights, drop what making pictures does not need, change precision."""
    from sdops.checkpoint.convert.prune import Keep, Pruning, prune_plan
    from sdops.checkpoint.convert.tasks import work_on
    from sdops.cli.writing import carried_out, manner, precision_of

    precision = precision_of(writing)
    keep = keep.casefold()
    if keep not in {word.value for word in Keep}:
        raise UsageError(
            f"There are no weights {keep!r} to keep.", "--keep takes ema, live or auto."
        )
    if ema_partial and keep == Keep.LIVE.value:
        raise UsageError("--ema-partial and --keep live contradict one another.", "Give one.")
    _check_drop(drop or [])
    pruning = Pruning(Keep(keep), ema_partial, drop_schedule="schedule" in (drop or []))

    def planner(checkpoint: Checkpoint) -> Plan:
        return prune_plan(checkpoint, pruning, precision)

    how = manner(planner, ".safetensors", writing, leaves_out=True)
    found = work_on(source, destination, writing.out, how.suffix, "-pruned.safetensors")
    return carried_out("prune", found, how, 1, quiet=answer.quiet)


_ALWAYS_DROPPED = ("optimizer", "callbacks", "lr_schedulers", "other-weights")


def _check_drop(words: list[str]) -> None:
    for word in words:
        if word not in ("schedule", *_ALWAYS_DROPPED):
            raise UsageError(
                f"There is no group {word!r} to drop.",
                f"--drop takes schedule; {', '.join(_ALWAYS_DROPPED)} are dropped anyway.",
            )
