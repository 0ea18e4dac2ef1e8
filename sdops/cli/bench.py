"""`sdops bench`: how fast pictures are made here, and whether that is slower than before."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from sdops.cli import options
from sdops.cli.answer import Answer
from sdops.cli.reporting import reporting
from sdops.cli.steps import shown
from sdops.errors import UsageError
from sdops.finding import Report

Checkpoint = Annotated[
    Path | None, typer.Argument(help="A model file. Default: random weights; speed is the same.")
]
ProtocolName = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        help="quick (SD1.5), standard (also batches and SDXL) or tiny."
        " Default: quick on a GPU, tiny on a processor.",
    ),
]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the UNet with torch.compile.")]
CudaGraphs = Annotated[
    bool, typer.Option("--cuda-graphs", help="Replay the UNet as a CUDA graph (NVIDIA).")
]
ChannelsLast = Annotated[
    bool,
    typer.Option("--channels-last", help="Keep a pixel's channels together in convolutions."),
]
Save = Annotated[
    Path | None, typer.Option("--save", metavar="FILE", help="Save the result to this new file.")
]
Compare = Annotated[
    Path | None,
    typer.Option(
        "--compare", metavar="FILE", help="Compare with a saved result; exit 1 if slower."
    ),
]
MaxRegression = Annotated[
    str, typer.Option("--max-regression", metavar="SHARE", help="How much slower is allowed.")
]
CompareAnyway = Annotated[
    bool,
    typer.Option("--compare-anyway", help="Compare also with another GPU, driver, torch, …"),
]
Export = Annotated[
    list[Path] | None,
    typer.Option(
        "--export",
        metavar="FILE",
        help="Also write …gha.json (github-action-benchmark) or …pytest.json (pytest-benchmark).",
    ),
]


@reporting
def bench(
    answer: Answer,
    computing: options.Computing,
    checkpoint: Checkpoint = None,
    protocol: ProtocolName = None,
    compiled: Compile = False,
    cuda_graphs: CudaGraphs = False,
    channels_last: ChannelsLast = False,
    save: Save = None,
    compare: Compare = None,
    max_regression: MaxRegression = "10%",
    compare_anyway: CompareAnyway = False,
    export: Export = None,
) -> Report:
    """Measure how fast pictures are made here, and compare with an earlier result."""
    from sdops.bench.requirements import require_sampler

    begin = time.monotonic()
    most = _share(max_regression)
    _refuse_unwritable(save, *(export or ()))
    require_sampler()
    from sdops.bench.speed import result, run
    from sdops.bench.speed.compare import refuse_other_runs, refuse_unlike
    from sdops.bench.speed.export import export as write_export
    from sdops.bench.speed.export import format_for

    for path in export or ():
        format_for(path)
    before = result.read(compare) if compare is not None else None
    execution = "+".join(["compile"] * compiled + ["cuda-graphs"] * cuda_graphs) or "eager"
    plan = run.planned(
        checkpoint,
        protocol,
        *computing,
        execution,
        channels_last=channels_last,
    )
    if before is not None and not compare_anyway:
        refuse_unlike(before.conditions, run.conditions(plan))
    if before is not None:
        refuse_other_runs(before, [case.name for case in plan.protocol.cases])
    with shown(quiet=answer.quiet) as show:
        made = run.bench(plan, lambda done: show(done.name, True, run.sentence(done)))
    if save is not None:
        result.write(made, save)
    for path in export or ():
        write_export(made, path)
    baseline = None if compare is None or before is None else run.Baseline(compare, before, most)
    return run.report(plan, made, baseline, begin)


def _share(text: str) -> float:
    """`10%` or `0.1` as 0.1."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise UsageError(f"{text!r} is not a share for --max-regression.", "Write 10% or 0.1.")
    return share


def _refuse_unwritable(*paths: Path | None) -> None:
    """Refuse, before minutes of work, what could not be written after them."""
    for path in paths:
        if path is not None and path.exists():
            raise UsageError(f"{path} exists already.", "Choose a new file name.")
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"There is no folder {path.parent} to write into.", "Make it first.")
