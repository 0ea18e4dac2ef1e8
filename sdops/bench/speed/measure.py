"""Times one case: warm-up apart, the device waited for, repeated."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from sdops.bench.device import Device
from sdops.bench.speed.protocol import Case, Protocol
from sdops.bench.speed.watch import Watch
from sdops.bench.subject import Subject
from sdops.errors import SdopsError
from sdops.sampler.pipeline import Options, Pipeline

LEAST_REPEATS = 3
"""Fewer have no median worth the name."""
KIB = 1024


@dataclass(frozen=True, slots=True)
class Timing:
    """One call of the pipeline."""

    seconds: float
    """From the prompt to the pictures."""
    loop_seconds: float
    """From the end of the first step to the end of the last."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What repeated calls took."""

    case: Case
    load_seconds: float
    warm_up_seconds: float
    """The first call: kernels are chosen, compiled, recorded."""
    timings: tuple[Timing, ...]
    peak_vram_bytes: int | None
    """None where the device has no memory of its own."""
    peak_ram_bytes: int
    """Of the whole process so far."""

    @property
    def loop_rates(self) -> tuple[float, ...]:
        """CFG steps a second of the loop alone, by repeat."""
        return tuple((self.case.steps - 1) / t.loop_seconds for t in self.timings)

    @property
    def whole_rates(self) -> tuple[float, ...]:
        """Steps a second over the whole call, times the batch, by repeat."""
        return tuple(self.case.steps * self.case.batch / t.seconds for t in self.timings)


def measure(
    case: Case,
    protocol: Protocol,
    subject: Subject,
    options: Options,
    device: Device,
    watch: Watch,
) -> Measurement:
    """Time `case`.

    Args:
        case: what to make.
        protocol: how often.
        subject: the model.
        options: how it computes.
        device: where; the one in `options`.
        watch: looks at the device while it works.

    Raises:
        SdopsError: the case takes too few steps to be timed.
    """
    if case.steps < 2:
        raise SdopsError(f"A loop of {case.steps} steps cannot be timed.", "Use 2 or more.")
    device.forget_peak()
    begin = time.perf_counter()
    pipeline = subject.pipeline(options)
    device.synchronize()
    load_seconds = time.perf_counter() - begin
    warm_ups = [_time(pipeline, case, device, seed=0) for _ in range(protocol.warm_ups)]
    timings: list[Timing] = []
    begin = time.perf_counter()
    while len(timings) < LEAST_REPEATS or (
        len(timings) < protocol.repeats and time.perf_counter() - begin < protocol.seconds
    ):
        timings.append(_time(pipeline, case, device, seed=len(timings) + 1))
    if watch.driver:  # NVML answers: one more, not timed, asked while the GPU is busy
        pipeline.generate(case.request(seed=0), lambda _: watch.look())
    return Measurement(
        case,
        load_seconds,
        warm_ups[0].seconds if warm_ups else 0.0,
        tuple(timings),
        device.peak_bytes() if device.has_own_memory else None,
        _peak_ram_bytes(),
    )


def _time(pipeline: Pipeline, case: Case, device: Device, seed: int) -> Timing:
    marks: dict[int, float] = {}

    def on_call(number: int) -> None:
        if number in (1, case.steps):
            device.synchronize()
            marks[number] = time.perf_counter()

    device.synchronize()
    begin = time.perf_counter()
    pipeline.generate(case.request(seed), on_call)
    device.synchronize()
    return Timing(time.perf_counter() - begin, marks[case.steps] - marks[1])


def _peak_ram_bytes() -> int:
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB
