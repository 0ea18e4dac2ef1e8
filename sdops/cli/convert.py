"""`sdops convert`: any checkpoint to safetensors, exactly, without running what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer
from sdops.errors import UsageError

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


def convert(
    source: Source,
    destination: Destination = None,
    out: options.Out = None,
    to: To = "safetensors",
    dtype: options.Dtype = None,
    unet_dtype: options.UnetDtype = None,
    vae_dtype: options.VaeDtype = None,
    text_encoder_dtype: options.TextEncoderDtype = None,
    allow_overflow: options.AllowOverflow = False,
    alias: Alias = False,
    repairs: Repairs = None,
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
    """Convert a checkpoint to safetensors; nothing in it is ever executed."""
    from sdops.checkpoint.convert.plan import with_aliases, without_metadata
    from sdops.checkpoint.convert.precision import Precision
    from sdops.checkpoint.convert.tasks import work_on
    from sdops.cli.writing import carried_out, manner

    answer = Answer.of(format_name, json, output, fail_on, quiet)
    parts = {"unet": unet_dtype, "vae": vae_dtype, "text-encoder": text_encoder_dtype}
    precision = Precision.of(dtype, parts)
    to = to.casefold()
    if to not in ("safetensors", "ckpt"):
        hint = "--to takes safetensors or ckpt."
        raise UsageError(f"There is no format {to!r} to convert to.", hint)
    if alias and (to == "ckpt" or no_metadata):
        without = "--no-metadata leaves out" if no_metadata else "a .ckpt does not have"
        raise UsageError(f"--alias notes names in the metadata, which {without}.", "Leave it out.")
    changes = _repairs(repairs or [])
    if alias:
        changes.append(with_aliases)
    if to == "ckpt":
        changes.append(without_metadata)
    how = manner(
        _planner(precision, changes), f".{to}",
        allow_overflow=allow_overflow, metadata=not no_metadata, verify=not no_verify,
        hashed=hashed, overwrite=overwrite,
        dry_run=dry_run, trash=trash, delete_source=delete_source,
    )  # fmt: skip
    found = work_on(source, destination, out, how.suffix, how.suffix)
    # Hashed for the metadata, copied, read back.
    passes = 1 + (to == "safetensors" and not no_metadata) + (not no_verify)
    answer.give(carried_out("convert", found, how, passes, quiet=quiet))


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
