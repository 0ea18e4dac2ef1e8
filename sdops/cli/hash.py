"""`sdops hash`: every hash by which a model file is known, in one read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdops.cli.answer import Answer
from sdops.cli.progress import byte_progress
from sdops.cli.reporting import reporting
from sdops.finding import Report


@reporting
def hash_command(
    answer: Answer,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", readable=False, help="Model files or folders.")
    ],
    blake3: Annotated[bool, typer.Option("--blake3", help="Also BLAKE3 (Civitai).")] = False,
    crc32: Annotated[bool, typer.Option("--crc32", help="Also CRC32 (Civitai).")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Files side by side.")] = 2,
    write_manifest: Annotated[
        Path | None,
        typer.Option("--write-manifest", help="Write the sha256 sums to this new file."),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read every file, also unchanged ones.")
    ] = False,
) -> Report:
    """Compute sha256, AutoV2, AutoV3, A1111's and kohya's hashes of model files."""
    from sdops.checkpoint.files.walk import walk
    from sdops.checkpoint.hash import report as hash_report
    from sdops.checkpoint.hash.hashes import Extras
    from sdops.checkpoint.verify.manifest import write

    work = walk(paths)
    with byte_progress("Hashing", work.total_bytes, quiet=answer.quiet) as advance:
        done = hash_report.hash_all(
            work,
            Extras(blake3=blake3, crc32=crc32),
            jobs=jobs,
            cached=not no_cache,
            advance=advance,
        )
    if write_manifest is not None:
        write(write_manifest, done.hashes)
    return hash_report.report(done)
