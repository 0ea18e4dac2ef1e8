"""The benchmark from beginning to end: every case of a protocol, timed under named conditions."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import torch

from sdops.bench.device import REFUSALS, Device, choose, first_line
from sdops.bench.memory_limit import is_out_of_memory
from sdops.bench.speed import compare
from sdops.bench.speed.answer import (
    BenchAnswer,
    BenchDevice,
    BenchRun,
    Comparison,
    GpuWatch,
    Latency,
)
from sdops.bench.speed.flops import peak_flops
from sdops.bench.speed.measure import measure
from sdops.bench.speed.protocol import Case, Protocol, protocol
from sdops.bench.speed.result import Result, Run, percentile
from sdops.bench.speed.watch import HARMFUL, Watch
from sdops.bench.subject import Subject, few_threads, usual_precision, usual_side
from sdops.dialect.names import known
from sdops.errors import SdopsError, UsageError
from sdops.finding import Finding, Remedy, Report, Severity
from sdops.sampler.attention import BACKENDS, HALF_ONLY, backend
from sdops.sampler.graphs import Execution
from sdops.sampler.pipeline import Options
from sdops.sampler.precision import PRECISIONS, tf32_as
from sdops.version import __version__

OnRun = Callable[[Run], None]
COMPILING = (
    "Leave out --compile, or install what it needs: a C++ compiler (on Debian and Ubuntu:"
    " apt install g++) and, on a GPU, Triton."
)
"""How to get torch.compile to work."""
SPACED = (
    " It also fails where torch is in a folder with a space in its path, as here: {}. Install sdops"
    " in a folder without one for that."
)
"""Why it may not (seen with torch 2.13: the C++ compiler is given such a path in pieces)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to time, and how it computes."""

    protocol: Protocol
    device: Device
    precision: str
    attention: str
    execution: Execution
    checkpoint: Path | None = None
    channels_last: bool = False
    """Whether convolutions keep a pixel's channels together."""

    @property
    def options(self) -> Options:
        """For the pipeline."""
        return Options(
            self.device.name,
            PRECISIONS[self.precision],
            self.attention,
            execution=self.execution,
            channels_last=self.channels_last,
        )

    @property
    def mode(self) -> str:
        """How it computes, in words."""
        layout = ("channels last",) if self.channels_last else ()
        return ", ".join((self.precision, self.attention, self.execution.value, *layout))

    @property
    def is_tiny(self) -> bool:
        """Whether every model is one of those made for tests."""
        return all(self.subject(case).is_tiny for case in self.protocol.cases)

    def subject(self, case: Case) -> Subject:
        """The model of a case."""
        if self.checkpoint is not None:
            return Subject(checkpoint=self.checkpoint)
        return Subject(case.architecture)


def planned(
    checkpoint: Path | None,
    protocol_name: str | None,
    device: str | None,
    precision: str | None,
    attention: str,
    execution: str,
    *,
    channels_last: bool = False,
) -> Plan:
    """The plan for what the user asked for, the rest chosen to suit the device.

    Raises:
        UsageError: something named does not exist, or not on this device.
        UnreadableInputError: the checkpoint cannot be read or is no such model.
    """
    chosen = choose(device)
    precision = known("precision", precision or usual_precision(chosen), PRECISIONS)
    attention = known("attention back-end", attention, BACKENDS)
    backend(attention)
    if chosen.kind == "cuda" and attention in HALF_ONLY and precision in ("fp32", "tf32"):
        raise UsageError(
            f"The attention back-end {attention} computes in 16 bits only.",
            "Add --precision fp16, or choose another back-end.",
        )
    if chosen.kind != "cuda" and "cuda-graphs" in execution:
        raise UsageError("CUDA graphs need an NVIDIA GPU.", "Leave out --cuda-graphs.")
    steps = protocol(protocol_name or ("tiny" if chosen.kind == "cpu" else "quick"))
    if checkpoint is not None:
        config = Subject(checkpoint=checkpoint).parts().config
        steps = steps.of_checkpoint(usual_side(config))
    return Plan(
        steps, chosen, precision, attention, Execution(execution), checkpoint, channels_last
    )


def bench(plan: Plan, on_run: OnRun = lambda _: None) -> Result:
    """Time every case of the plan.

    Args:
        plan: what to time.
        on_run: told each case when it is done.

    Raises:
        SdopsError: no case could be timed.
    """
    runs: list[Run] = []
    faults: list[str] = []
    with few_threads(plan.is_tiny):
        peak = _peak_flops(plan)
        for case in plan.protocol.cases:
            try:
                subject = plan.subject(case)
                runs.append(measure(case, plan.protocol, subject, plan.options, plan.device, peak))
            except RuntimeError as error:
                faults.append(_reason(plan, case, error))
            else:
                on_run(runs[-1])
    if not runs:
        raise SdopsError(" ".join(faults))
    taken_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Result(plan.protocol.name, taken_at, conditions(plan), peak, tuple(runs), tuple(faults))


def _peak_flops(plan: Plan) -> float:
    precision = PRECISIONS[plan.precision]
    try:
        with tf32_as(precision):
            return peak_flops(plan.device, precision.unet)
    except REFUSALS as error:
        raise _refused(plan, error) from error


def _reason(plan: Plan, case: Case, error: RuntimeError) -> str:
    """Why `case` could not be timed, where others may.

    Raises:
        SdopsError: memory is not the cause, and no case can be timed.
    """
    if is_out_of_memory(error):
        return f"{case.name} does not fit into the memory of {plan.device.title}."
    if "compile" in plan.execution.value:
        home = str(Path(torch.__file__).parent)
        hint = COMPILING + (SPACED.format(home) if " " in home else "")
        raise SdopsError(f"torch.compile does not work here: {first_line(error)}.", hint)
    raise _refused(plan, error)


def _refused(plan: Plan, error: BaseException) -> SdopsError:
    return SdopsError(
        f"{plan.device.title} cannot compute this way ({plan.mode}): {first_line(error)}.",
        "Try another --attention or --precision; `sdops smoke` says which are right here.",
    )


def conditions(plan: Plan) -> dict[str, str]:
    """What must be alike for two results to be compared."""
    return {
        "device": plan.device.title,
        "driver": Watch(plan.device).driver or "none",
        "torch": torch.__version__,
        "cudnn": str(torch.backends.cudnn.version() or "none"),
        "xformers": _version("xformers"),
        "python": platform.python_version(),
        "sdops": __version__,
        "threads": _threads(plan),
        "protocol": plan.protocol.name,
        "model": plan.checkpoint.name if plan.checkpoint else "random weights",
        "precision": plan.precision,
        "attention": plan.attention,
        "execution": plan.execution.value,
        "layout": "channels last" if plan.channels_last else "channels first",
    }


def _threads(plan: Plan) -> str:
    if plan.device.kind != "cpu":
        return "any"
    return "1" if plan.is_tiny else str(torch.get_num_threads())


def sentence(run: Run) -> str:
    """The figures that matter most, in a line."""
    return f"{median(run.loop_rates):.2f} it/s, {run.batch / median(run.seconds):.2f} images/s"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier result to compare with."""

    path: Path
    result: Result
    most: float
    """How much slower is allowed, of what it was."""


def report(plan: Plan, result: Result, baseline: Baseline | None, begin: float) -> Report:
    """The Report of `sdops bench`; `begin` is on time.monotonic's clock."""
    slower = compare.findings(baseline.result, result, baseline.most) if baseline else ()
    return Report(
        command="bench",
        subject=f"{plan.protocol.title}, on {plan.device.title}",
        started_at=result.taken_at,
        duration_s=time.monotonic() - begin,
        findings=(*slower, *_slowed_down(result)),
        cases=tuple(run.name for run in result.runs),
        faults=result.faults,
        data=BenchAnswer(
            device=BenchDevice(
                plan.device.name, plan.device.title, plan.device.memory_bytes, result.peak_flops
            ),
            protocol=result.protocol,
            conditions=result.conditions,
            runs=tuple(_run(run, plan) for run in result.runs),
            baseline=_compared(baseline, result) if baseline else None,
        ),
    )


def _run(run: Run, plan: Plan) -> BenchRun:
    return BenchRun(
        mode=plan.mode,
        architecture=run.architecture,
        width=run.width,
        height=run.height,
        batch=run.batch,
        steps=run.steps,
        repeats=len(run.seconds),
        it_s=median(run.loop_rates),
        end_to_end_it_s=median(run.whole_rates),
        images_per_s=run.batch / median(run.seconds),
        latency_ms=Latency(*(percentile(run.seconds, share) * 1000 for share in (50, 90, 99))),
        load_s=run.load_seconds,
        warm_up_s=run.warm_up_seconds,
        peak_vram_bytes=run.peak_vram_bytes,
        peak_ram_bytes=run.peak_ram_bytes,
        flops_per_step=run.flops_per_step,
        mfu=run.mfu,
        gpu=GpuWatch(**run.gpu),
    )


def _compared(baseline: Baseline, result: Result) -> Comparison:
    before = baseline.result
    return Comparison(
        path=str(baseline.path),
        taken_at=before.taken_at,
        max_regression=baseline.most,
        changed=compare.differences(before.conditions, result.conditions),
        figures=tuple(map(compare.figure_of, compare.changes(before, result))),
    )


def _slowed_down(result: Result) -> tuple[Finding, ...]:
    """A GPU that holds itself back makes every figure wrong, and is worth knowing for itself."""
    reasons = {r for run in result.runs for r in run.gpu.get("throttle_reasons", ())} & HARMFUL
    if not reasons:
        return ()
    hottest = max((run.gpu.get("temperature_c_highest") or 0 for run in result.runs), default=0)
    return (
        Finding(
            "bench-throttled",
            Severity.WARNING,
            "The GPU slowed itself down while it was measured: it can do better than this",
            f"It gave as reasons {', '.join(sorted(reasons))}, at up to {hottest} °C.",
            {"reasons": sorted(reasons), "temperature_c": hottest},
            remedies=(Remedy("Clean its fans, and look at the air flow and its power cables."),),
        ),
    )
