"""`sdops pnginfo`: how was this picture made?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdops.cli.answer import Answer
from sdops.cli.progress import working
from sdops.cli.reporting import reporting
from sdops.errors import UsageError
from sdops.finding import Report


@reporting
def pnginfo(
    answer: Answer,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", readable=False, help="Pictures, texts, or folders."),
    ],
    strip: Annotated[
        bool, typer.Option("--strip", help="Also write a copy of each picture that says nothing.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", readable=False, help="A folder for these copies. Default: beside."),
    ] = None,
) -> Report:
    """Say how a picture was made, whichever program wrote it: prompts, settings, models."""
    from sdops.dialect.pnginfo import report

    if out is not None and not strip:
        raise UsageError("--out is the folder for the copies of --strip.", "Give --strip too.")
    if out is not None and not out.is_dir():
        raise UsageError(f"There is no folder {out}.", "Make it first, or leave out --out.")

    def stripped_to(path: Path) -> Path:
        return (out or path.parent) / f"{path.stem}-stripped{path.suffix}"

    with working("Reading pictures", quiet=answer.quiet):
        return report(paths, stripped_to=stripped_to if strip else None)
