"""Times one case: warm-up apart, the device waited for, repeated."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from statistics import median

from sdops.bench.device import Device
from sdops.bench.speed.flops import flops_per_step
from sdops.bench.speed.protocol import Case, Protocol
from sdops.bench.speed.result import Run
from sdops.bench.speed.watch import Watch
from sdops.bench.subject import Subject
from sdops.errors import SdopsError
from sdops.sampler.pipeline import Options, Pipeline

LEAST_REPEATS = 3
"""Fewer have no median worth the name."""
KIB = 1024
Timing = tuple[float, float]
"""Seconds of one call: from the prompt to the pictures, and from the end of the first step to
the end of the last."""


def measure(
    case: Case, protocol: Protocol, subject: Subject, options: Options, device: Device, peak: float
) -> Run:
    """Time `case`.

    Args:
        case: what to make.
        protocol: how often.
        subject: the model.
        options: how it computes.
        device: where; the one in `options`.
        peak: operations a second of a large matrix product there.

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
    seconds, loop_seconds = zip(*_timings(pipeline, case, protocol, device), strict=True)
    loop_rates = tuple((case.steps - 1) / passed for passed in loop_seconds)
    flops = flops_per_step(pipeline.config, case)
    return Run(
        name=case.name,
        architecture=case.architecture,
        width=case.width,
        height=case.height,
        batch=case.batch,
        steps=case.steps,
        loop_rates=loop_rates,
        whole_rates=tuple(case.steps * case.batch / passed for passed in seconds),
        seconds=seconds,
        load_seconds=load_seconds,
        warm_up_seconds=warm_ups[0][0] if warm_ups else 0.0,
        peak_vram_bytes=device.peak_bytes() if device.has_own_memory else None,
        peak_ram_bytes=_peak_ram_bytes(),
        flops_per_step=flops,
        mfu=flops * median(loop_rates) / peak,
        gpu=_watched(pipeline, case, device),
    )


def _timings(
    pipeline: Pipeline, case: Case, protocol: Protocol, device: Device
) -> Iterator[Timing]:
    """As many as the protocol says, or fewer when its time is over."""
    begin = time.perf_counter()
    for number in range(1, max(protocol.repeats, LEAST_REPEATS) + 1):
        if number > LEAST_REPEATS and time.perf_counter() - begin >= protocol.seconds:
            return
        yield _time(pipeline, case, device, seed=number)


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
    return time.perf_counter() - begin, marks[case.steps] - marks[1]


def _watched(pipeline: Pipeline, case: Case, device: Device) -> dict[str, object]:
    """What the GPU says of itself while it makes one picture more, which is not timed."""
    watch = Watch(device)
    if watch.driver:
        pipeline.generate(case.request(seed=0), lambda _: watch.look())
    return watch.seen()


def _peak_ram_bytes() -> int:
    """The peak of the whole process so far."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB
