"""`sdops smoke`: does generation work on this machine, and which flags does it need?"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer
from sdops.cli.reporting import reporting
from sdops.cli.steps import shown
from sdops.errors import UsageError
from sdops.finding import Report

GIB = 2**30
Checkpoint = Annotated[
    Path | None, typer.Argument(help="A model file. Default: random weights of --architecture.")
]
Vae = Annotated[Path | None, typer.Option("--vae", help="A VAE file to use instead.")]
Ema = Annotated[bool, typer.Option("--ema", help="Use the checkpoint's EMA weights, if any.")]
Prompt = Annotated[
    str | None, typer.Option("--prompt", help="What to paint, in A1111's prompt language.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SETTINGS",
        help="How to paint, in the words of A1111's infotext: 'Clip skip: 2, RNG: NV'.",
    ),
]
Like = Annotated[
    Path | None,
    typer.Option(
        "--like",
        metavar="PICTURE",
        help="Make this picture again by the infotext in it (or in a .txt), and compare.",
    ),
]
StartImage = Annotated[
    Path | None, typer.Option("--image", help="Start from this picture (image to image).")
]
Mask = Annotated[
    Path | None, typer.Option("--mask", help="Paint only where this picture is white (inpaint).")
]
MemoryLimit = Annotated[
    float | None,
    typer.Option(
        "--memory-limit", metavar="GIB", min=0, help="Act as if the device had no more memory."
    ),
]
Ui = Annotated[
    str,
    typer.Option(
        "--ui", help="Whose flags to name: a1111, forge, reforge, sdnext, comfyui, invokeai."
    ),
]
OutputDir = Annotated[
    Path | None, typer.Option("--output-dir", help="Put the pictures into this new folder.")
]
Grid = Annotated[
    str | None,
    typer.Option(
        "--grid",
        metavar="X,Y",
        help="Also a contact sheet over two settings: sampler, steps, 'Clip skip', …",
    ),
]
X = Annotated[str | None, typer.Option("--x", help="Values to the right, as 'Euler a, DDIM'.")]
Y = Annotated[str | None, typer.Option("--y", help="Values down, as 20, 1-10 [5] or 10-30 (+10).")]


@reporting
def smoke(
    answer: Answer,
    computing: options.Computing,
    checkpoint: Checkpoint = None,
    architecture: options.Architecture = None,
    vae: Vae = None,
    ema: Ema = False,
    prompt: Prompt = None,
    settings: Settings = None,
    like: Like = None,
    image: StartImage = None,
    mask: Mask = None,
    memory_limit: MemoryLimit = None,
    ui: Ui = "a1111",
    output_dir: OutputDir = None,
    grid: Grid = None,
    x: X = None,
    y: Y = None,
) -> Report:
    """Try whether pictures can be made here, and say which flags that takes."""
    from sdops.bench.requirements import require_sampler

    begin = time.monotonic()
    _refuse_nonsense(grid, x, y, output_dir)
    require_sampler()
    from sdops.bench.smoke import broken, gallery
    from sdops.bench.smoke.run import planned, report, smoke
    from sdops.bench.smoke.wanted import overrides
    from sdops.checkpoint.damage import BrokenFileError
    from sdops.sampler.weights import Weights

    try:
        plan = planned(
            checkpoint,
            architecture=architecture,
            vae=vae,
            **computing._asdict(),
            memory_limit=_bytes(memory_limit),
            ui=ui,
            weights=Weights.EMA if ema else Weights.LIVE,
            overrides=overrides(settings or (), prompt, image, mask),
            like=like,
        )
    except BrokenFileError as error:
        return broken.report(
            error.finding,
            error.path,
            device=computing.device,
            precision=computing.precision,
            ui=ui,
            begin=begin,
        )
    wanted = gallery.Wanted.of(plan, output_dir, grid, x, y)
    if output_dir is not None:
        plan = replace(plan, subject=plan.subject.hashed())
    with shown(quiet=answer.quiet) as show:
        outcome = smoke(plan, lambda step: show(step.name, step.ok, step.detail))
        saved = gallery.save(wanted, plan.subject, outcome.trial)
    return report(plan, outcome, begin, saved.paths, saved.faults)


def _bytes(gib: float | None) -> int | None:
    if gib is not None and not math.isfinite(gib):
        raise UsageError(f"{gib} GiB is no amount of memory.", "Give --memory-limit a number.")
    return None if gib is None else int(gib * GIB)


def _refuse_nonsense(
    grid: str | None, x: str | None, y: str | None, output_dir: Path | None
) -> None:
    if grid is None and (x or y):
        raise UsageError("--x and --y are the values of a grid.", "Give --grid too.")
    if grid is not None and output_dir is None:
        raise UsageError("A grid needs a place for its pictures.", "Give --output-dir too.")
