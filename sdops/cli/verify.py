"""`sdops verify`: is this model file what it should be?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdops.cli.answer import Answer
from sdops.cli.progress import byte_progress
from sdops.cli.reporting import reporting
from sdops.finding import Report


@reporting
def verify(
    answer: Answer,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…",
            readable=False,
            help="Model files, folders, or lists made by sha256sum.",
        ),
    ],
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against", help="A list of hashes, an LFS pointer, or A1111's cache.json; repeatable."
        ),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option("--expect", help="The hash, or A1111's 'model [2d0010aca5]'."),
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Ask Civitai about files that nothing else knows.")
    ] = False,
    repository: Annotated[
        str | None,
        typer.Option("--repo", help="With --online: the Hugging Face repository it came from."),
    ] = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="Look at every weight for NaN, infinity and zeros.")
    ] = False,
    civitai_url: Annotated[str, typer.Option(help="Address of Civitai or a mirror.")] = "",
    hub_url: Annotated[str, typer.Option(help="Address of Hugging Face or a mirror.")] = "",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Files side by side.")] = 2,
) -> Report:
    """Check model files against lists, sidecars, well-known hashes and, on request, hubs."""
    from sdops.checkpoint.files.walk import Walk
    from sdops.checkpoint.verify import lookup
    from sdops.checkpoint.verify import report as verify_report

    asked = verify_report.question(paths, against or [], expect)
    lookups: list[lookup.HuggingFace | lookup.Civitai] = []
    if online and repository:
        lookups.append(lookup.HuggingFace(repository, base_url=hub_url or lookup.HUGGING_FACE))
    if online:
        lookups.append(lookup.Civitai(civitai_url or lookup.CIVITAI))
    total = Walk(tuple(str(item.path) for item in asked.pairs)).total_bytes
    with byte_progress("Verifying", total, quiet=answer.quiet) as advance:
        return verify_report.verify_all(
            asked, lookups, jobs=jobs, advance=advance, every_weight=weights
        )
