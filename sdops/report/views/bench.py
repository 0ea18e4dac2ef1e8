"""How a benchmark looks to people: the figures, the comparison, the conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sdops.finding import Report
from sdops.report.blocks import Block, Details, Heading, Paragraph, Table
from sdops.report.sizes import readable_size

_GIGA = 1e9


def blocks(report: Report) -> tuple[Block, ...]:
    """One table a case, the comparison, then what it was measured under."""
    data = report.data
    conditions = Table(tuple((name, str(value)) for name, value in data["conditions"].items()))
    return (
        *(block for run in data["runs"] for block in _run(run)),
        *_baseline(data["baseline"]),
        Details("Measured under", (conditions,)),
    )


def _run(run: Mapping[str, Any]) -> Iterator[Block]:
    size = f"{run['width']} × {run['height']}"
    yield Heading(f"{run['architecture']}, {size}, batch {run['batch']}, {run['steps']} steps")
    rows = [
        ("Steps a second", f"{run['it_s']:.2f} it/s ({run['end_to_end_it_s']:.2f} end to end)"),
        ("Pictures a second", f"{run['images_per_s']:.3f}"),
        ("One call", _latency(run["latency_ms"], run["repeats"])),
        ("Loading, first call", f"{run['load_s']:.1f} s, {run['warm_up_s']:.1f} s"),
        ("Memory at most", _memory(run)),
        ("Work", _work(run)),
        ("Computed with", run["mode"]),
    ]
    if run["gpu"]["clock_mhz_highest"] is not None:
        rows.append(("GPU", _gpu(run["gpu"])))
    yield Table(tuple(rows))


def _latency(latency: Mapping[str, float], repeats: int) -> str:
    tail = f"p90 {latency['p90']:,.0f}, p99 {latency['p99']:,.0f}, {repeats} repeats"
    return f"{latency['p50']:,.0f} ms ({tail})"


def _work(run: Mapping[str, Any]) -> str:
    work = f"{run['flops_per_step'] / _GIGA:,.4g} GFLOP a step"
    return f"{work}, {run['mfu']:.1%} of what this device's matrix product reaches"


def _memory(run: Mapping[str, Any]) -> str:
    own = run["peak_vram_bytes"]
    ram = f"{readable_size(run['peak_ram_bytes'])} RAM"
    return ram if own is None else f"{readable_size(own)} on the GPU, {ram}"


def _gpu(gpu: Mapping[str, Any]) -> str:
    words = f"{gpu['clock_mhz_lowest']} to {gpu['clock_mhz_highest']} MHz"
    if gpu["temperature_c_highest"] is not None:
        words += f", up to {gpu['temperature_c_highest']} °C"
    if gpu["throttle_reasons"]:
        words += f", held back by {', '.join(gpu['throttle_reasons'])}"
    return words


def _baseline(baseline: Mapping[str, Any] | None) -> Iterator[Block]:
    if baseline is None:
        return
    yield Heading(f"Compared with {baseline['path']}, {baseline['taken_at']}")
    rows = (
        (f["run"], f["figure"], f"{f['before']:.2f}", f"{f['now']:.2f}", f"{-f['slower_by']:+.1%}")
        for f in baseline["figures"]
    )
    yield Table(tuple(rows), ("Case", "Figure", "Then", "Now", "Change"))
    for name, (before, now) in baseline["changed"].items():
        yield Paragraph(f"Changed meanwhile: {name}, {before} then, {now} now.")
