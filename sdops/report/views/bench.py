"""How a benchmark looks to people: the figures, the comparison, the conditions."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.bench.speed.answer import BenchAnswer, BenchRun, Comparison, GpuWatch, Latency
from sdops.finding import Report
from sdops.report.blocks import Block, Details, Heading, Paragraph, Table
from sdops.report.sizes import readable_size

DATA = BenchAnswer
_GIGA = 1e9


def blocks(report: Report) -> tuple[Block, ...]:
    """One table a case, the comparison, then what it was measured under."""
    answer: BenchAnswer = report.data
    return (
        *(block for run in answer.runs for block in _run(run)),
        *_baseline(answer.baseline),
        Details("Measured under", (Table(tuple(answer.conditions.items())),)),
    )


def _run(run: BenchRun) -> Iterator[Block]:
    size = f"{run.width} × {run.height}"
    yield Heading(f"{run.architecture}, {size}, batch {run.batch}, {run.steps} steps")
    rows = [
        ("Steps a second", f"{run.it_s:.2f} it/s ({run.end_to_end_it_s:.2f} end to end)"),
        ("Pictures a second", f"{run.images_per_s:.3f}"),
        ("One call", _latency(run.latency_ms, run.repeats)),
        ("Loading, first call", f"{run.load_s:.1f} s, {run.warm_up_s:.1f} s"),
        ("Memory at most", _memory(run)),
        ("Work", _work(run)),
        ("Computed with", run.mode),
    ]
    if run.gpu.clock_mhz_highest is not None:
        rows.append(("GPU", _gpu(run.gpu)))
    yield Table(tuple(rows))


def _latency(latency: Latency, repeats: int) -> str:
    tail = f"p90 {latency.p90:,.0f}, p99 {latency.p99:,.0f}, {repeats} repeats"
    return f"{latency.p50:,.0f} ms ({tail})"


def _work(run: BenchRun) -> str:
    work = f"{run.flops_per_step / _GIGA:,.4g} GFLOP a step"
    return f"{work}, {run.mfu:.1%} of what this device's matrix product reaches"


def _memory(run: BenchRun) -> str:
    ram = f"{readable_size(run.peak_ram_bytes)} RAM"
    own = run.peak_vram_bytes
    return ram if own is None else f"{readable_size(own)} on the GPU, {ram}"


def _gpu(gpu: GpuWatch) -> str:
    words = f"{gpu.clock_mhz_lowest} to {gpu.clock_mhz_highest} MHz"
    if gpu.temperature_c_highest is not None:
        words += f", up to {gpu.temperature_c_highest} °C"
    if gpu.throttle_reasons:
        words += f", held back by {', '.join(gpu.throttle_reasons)}"
    return words


def _baseline(baseline: Comparison | None) -> Iterator[Block]:
    if baseline is None:
        return
    yield Heading(f"Compared with {baseline.path}, {baseline.taken_at}")
    rows = (
        (item.run, item.figure, f"{item.before:.2f}", f"{item.now:.2f}", f"{-item.slower_by:+.1%}")
        for item in baseline.figures
    )
    yield Table(tuple(rows), ("Case", "Figure", "Then", "Now", "Change"))
    for name, (before, now) in baseline.changed.items():
        yield Paragraph(f"Changed meanwhile: {name}, {before} then, {now} now.")
