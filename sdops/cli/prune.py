"""`sdops prune`: a training checkpoint made into the one that people run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer
from sdops.errors import UsageError

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


def prune(
    source: Source,
    destination: Destination = None,
    out: options.Out = None,
    keep: KeepWord = "auto",
    ema_partial: EmaPartial = False,
    drop: Drop = None,
    dtype: options.Dtype = None,
    unet_dtype: options.UnetDtype = None,
    vae_dtype: options.VaeDtype = None,
    text_encoder_dtype: options.TextEncoderDtype = None,
    allow_overflow: options.AllowOverflow = False,
    no_metadata: options.NoMetadata = False,
    no_verify: options.NoVerify = False,
    hashed: options.Hashed = False,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    trash: options.Trash = False,
    delete_source: options.DeleteSource = False,
    format_name: options.Format = None,
    json: options.Json = False,
    output: options.Output = None,
    fail_on: options.FailOn = "error",
    quiet: options.Quiet = False,
) -> None:
    """Keep EMA or live weights, drop what making pictures does not need, change precision."""
    from sdops.checkpoint.convert.precision import Precision
    from sdops.checkpoint.convert.prune import Keep, Pruning, prune_plan
    from sdops.checkpoint.convert.tasks import work_on
    from sdops.cli.writing import carried_out, manner

    answer = Answer.of(format_name, json, output, fail_on, quiet)
    parts = {"unet": unet_dtype, "vae": vae_dtype, "text-encoder": text_encoder_dtype}
    precision = Precision.of(dtype, parts)
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

    how = manner(
        planner, ".safetensors",
        allow_overflow=allow_overflow, metadata=not no_metadata, verify=not no_verify,
        hashed=hashed, overwrite=overwrite,
        dry_run=dry_run, trash=trash, delete_source=delete_source,
    )  # fmt: skip
    found = work_on(source, destination, out, how.suffix, "-pruned.safetensors")
    # About half of it is written and read back; all of it is hashed for the metadata.
    passes = 1 + (not no_metadata)
    answer.give(carried_out("prune", found, how, passes, quiet=quiet))


_ALWAYS_DROPPED = ("optimizer", "callbacks", "lr_schedulers", "other-weights")


def _check_drop(words: list[str]) -> None:
    for word in words:
        if word not in ("schedule", *_ALWAYS_DROPPED):
            raise UsageError(
                f"There is no group {word!r} to drop.",
                f"--drop takes schedule; {', '.join(_ALWAYS_DROPPED)} are dropped anyway.",
            )
