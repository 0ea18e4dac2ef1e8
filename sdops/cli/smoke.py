"""`sdops smoke`: does generation work on this machine, and which flags does it need?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer
from sdops.cli.steps import shown
from sdops.errors import UsageError

MIB = 2**20


def smoke(
    checkpoint: Annotated[
        Path | None,
        typer.Argument(help="A model file. Default: random weights of --architecture."),
    ] = None,
    architecture: options.Architecture = None,
    vae: Annotated[Path | None, typer.Option("--vae", help="A VAE file to use instead.")] = None,
    device: options.Device = None,
    precision: options.Precision = None,
    attention: options.Attention = "sdpa",
    memory_limit: Annotated[
        float | None,
        typer.Option(
            "--memory-limit", metavar="GIB", min=0, help="Act as if the device had no more memory."
        ),
    ] = None,
    ui: Annotated[
        str, typer.Option("--ui", help="Whose flags to name: a1111, forge, reforge, comfyui.")
    ] = "a1111",
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", help="Put the pictures into this new folder.")
    ] = None,
    grid: Annotated[
        str | None,
        typer.Option(
            "--grid",
            metavar="X,Y",
            help="Also a contact sheet over two of: sampler, scheduler, steps, cfg, seed.",
        ),
    ] = None,
    x: Annotated[
        str | None, typer.Option("--x", help="Values to the right, such as 'Euler a, DDIM'.")
    ] = None,
    y: Annotated[
        str | None, typer.Option("--y", help="Values downwards: 20, 1-10 [5] or 10-30 (+10).")
    ] = None,
    format_name: options.Format = None,
    json: options.Json = False,
    output: options.Output = None,
    fail_on: options.FailOn = "error",
    quiet: options.Quiet = False,
) -> None:
    """Try whether pictures can be made here, and say which flags that takes."""
    from sdops.bench.requirements import require_sampler

    begin = time.monotonic()
    answer = Answer.of(format_name, json, output, fail_on, quiet)
    if grid is None and (x or y):
        raise UsageError("--x and --y are the values of a grid.", "Give --grid too.")
    if grid is not None and output_dir is None:
        raise UsageError("A grid needs a place for its pictures.", "Give --output-dir too.")
    require_sampler()
    from sdops.bench.grid import axes
    from sdops.bench.smoke import gallery
    from sdops.bench.smoke.run import planned, report, smoke

    chosen = axes(grid, x, y) if grid is not None else None
    limit = None if memory_limit is None else int(memory_limit * 1024 * MIB)
    plan = planned(
        checkpoint,
        architecture=architecture,
        vae=vae,
        device=device,
        precision=precision,
        attention=attention,
        memory_limit=limit,
        ui=ui,
    )
    if output_dir is not None:
        gallery.check_folder(output_dir)
    images: tuple[str, ...] = ()
    with shown(quiet=quiet) as show:
        outcome = smoke(plan, lambda step: show(step.name, step.ok, step.detail))
        if output_dir is not None and outcome.trial is not None:
            images = gallery.save_trial(outcome.trial, output_dir)
            if chosen is not None:
                images += gallery.save_grid(plan.subject, outcome.trial, chosen, output_dir)
    answer.give(report(plan, outcome, begin, images))
