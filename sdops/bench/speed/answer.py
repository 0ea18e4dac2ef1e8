"""What `sdops bench` answers: the figures of each case, and how they compare with earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BenchDevice:
    """The device that was measured."""

    name: str
    """As torch takes it: cuda, cpu."""
    title: str
    memory_bytes: int | None
    peak_flops: float
    """A second, of a large matrix product, measured."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of a whole call, by percentile."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True)
class GpuWatch:
    """What the GPU said of itself meanwhile; null where it said nothing."""

    clock_mhz_lowest: int | None = None
    clock_mhz_highest: int | None = None
    temperature_c_highest: int | None = None
    power_w_highest: float | None = None
    throttle_reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BenchRun:
    """One case, timed."""

    mode: str
    """Precision, attention, execution, layout."""
    architecture: str
    width: int
    height: int
    batch: int
    steps: int
    repeats: int
    it_s: float
    """CFG steps a second of the loop, median."""
    end_to_end_it_s: float
    """Steps times batch over the whole call, median."""
    images_per_s: float
    latency_ms: Latency
    load_s: float
    warm_up_s: float
    peak_vram_bytes: int | None
    peak_ram_bytes: int
    flops_per_step: int
    mfu: float
    """Share of the measured matmul peak."""
    gpu: GpuWatch


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure then and now."""

    run: str
    figure: str
    before: float
    now: float
    slower_by: float
    """Share; negative where it is faster."""
    spread: float
    """Median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """With an earlier result."""

    path: str
    taken_at: str
    max_regression: float
    changed: Mapping[str, tuple[str, str]]
    """Conditions that are not what they were: then, now."""
    figures: tuple[ComparedFigure, ...]


@dataclass(frozen=True, slots=True)
class BenchAnswer:
    """The data of `sdops bench`."""

    device: BenchDevice
    protocol: str
    conditions: Mapping[str, str]
    """What must be alike for two results to be compared."""
    runs: tuple[BenchRun, ...]
    baseline: Comparison | None
    """With --compare."""
