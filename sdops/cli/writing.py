"""What convert and prune have in common: how their new files are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdops.cli.progress import byte_progress
from sdops.errors import UsageError

if TYPE_CHECKING:
    from sdops.checkpoint.convert.precision import Precision
    from sdops.checkpoint.convert.tasks import Work
    from sdops.checkpoint.convert.work import Manner, Planner
    from sdops.cli.options import Writing
    from sdops.finding import Report


def manner(
    planner: Planner,
    suffix: str,
    writing: Writing,
    *,
    leaves_out: bool = False,
) -> Manner:
    """How every file is written, from the switches of the command line.

    Args:
        planner: plans each.
        suffix: of the results.
        writing: the switches.
        leaves_out: whether the command is there to leave weights out.

    Raises:
        UsageError: switches that contradict one another.
    """
    from sdops.atomic import Overwrite, OverwritePolicy
    from sdops.checkpoint.convert.disposal import AfterSource, Delete, Trash
    from sdops.checkpoint.convert.run import Options
    from sdops.checkpoint.convert.work import Manner

    if (writing.trash or writing.delete_source) and writing.no_verify:
        raise UsageError(
            "The source is only given up once the result is verified.",
            "Leave out --no-verify, or --trash and --delete-source.",
        )
    if writing.trash and writing.delete_source:
        raise UsageError("--trash and --delete-source contradict one another.", "Give one.")
    after: AfterSource = AfterSource()
    if writing.trash or writing.delete_source:
        gone = Trash if writing.trash else Delete
        after = gone(leaves_out=leaves_out)
    policy: OverwritePolicy = Overwrite() if writing.overwrite else OverwritePolicy()
    if writing.provenance and writing.no_metadata:
        raise UsageError("--provenance is noted in the metadata, which --no-metadata leaves out.")
    written = Options(
        # The digest of a source that is given up is the last that leads to where it came from.
        provenance=writing.provenance or writing.trash or writing.delete_source,
        metadata=not writing.no_metadata,
        verify=not writing.no_verify,
        hashed=writing.hashed,
        allow_overflow=writing.allow_overflow,
        overwrite=policy,
    )
    return Manner(planner, written, suffix, after, writing.dry_run)


def precision_of(writing: Writing) -> Precision:
    """The precision of every part, from the options.

    Raises:
        UsageError: there is no such precision.
    """
    from sdops.checkpoint.convert.precision import Precision

    parts = {
        "unet": writing.unet_dtype,
        "vae": writing.vae_dtype,
        "text-encoder": writing.text_encoder_dtype,
    }
    return Precision.of(writing.dtype, parts)


def carried_out(command: str, found: Work, how: Manner, passes: int, *, quiet: bool) -> Report:
    """The report of `command`, carried out with a progress display.

    Args:
        command: `convert` or `prune`.
        found: the files to work on.
        how: how each is written.
        passes: how often about as many bytes as the sources have are read or written.
        quiet: no progress.
    """
    from sdops.checkpoint.convert.tasks import source_bytes
    from sdops.checkpoint.convert.work import carry_out

    title = {"convert": "Converting", "prune": "Pruning"}[command]
    with byte_progress(title, passes * source_bytes(found), quiet=quiet) as advance:
        return carry_out(command, found, how, advance)
