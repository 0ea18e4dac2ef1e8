"""Do all ways to compute attention agree, and which is worth a flag?"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sdops.bench.device import REFUSALS, Device, first_line
from sdops.bench.difference import relative_error
from sdops.bench.limits import limit
from sdops.bench.memory_limit import is_out_of_memory
from sdops.bench.smoke.step import Fault, Gain, Need, Step, judged
from sdops.bench.smoke.steps.kernels import DTYPES
from sdops.errors import MissingDependencyError
from sdops.finding import Severity
from sdops.sampler.attention import BACKENDS, Attend, backend

NEEDS = {
    "sdpa": Need.ATTENTION_SDPA,
    "sub-quadratic": Need.ATTENTION_SUB_QUADRATIC,
    "math": Need.ATTENTION_MATH,
    "xformers": Need.ATTENTION_XFORMERS,
}
"""Back-ends that UIs offer, the one to prefer first."""
SHAPES = ((1, 2, 320, 320, 40), (1, 2, 320, 77, 40), (1, 2, 320, 320, 64), (1, 2, 64, 64, 160))
"""Batch, heads, queries, keys, head width: self and cross attention of SD1.5 and SDXL."""
TIMED_SHAPE = (2, 10, 4096, 4096, 64)
"""SDXL's second level at 1024 × 1024, where most of its attention is computed."""
TIMED_RUNS = 10
XFORMERS_CAPABILITY = ((6, 0), (9, 0))
"""Where A1111's --xformers counts (modules/sd_hijack_optimizations.py@82a973c)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one back-end."""

    errors: Mapping[str, float]
    """Relative error by precision."""
    absent: str = ""
    """Why it is not available here, if it is not."""

    @property
    def right(self) -> bool:
        """Whether it is available and agrees in every precision."""
        bound = limit("attention")
        return not self.absent and all(bound.holds(e, p) for p, e in self.errors.items())


def try_attention(device: Device, chosen: str) -> tuple[Step, str]:
    """The step "attention", and the back-end to go on with: `chosen` if it is right."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch warns of is what is being tried
        verdicts = {name: _judge(name, device) for name in BACKENDS}
    right = [name for name, verdict in verdicts.items() if verdict.right]
    usable = chosen if chosen in right else next((n for n in NEEDS if n in right), chosen)
    faults = tuple(_faults(verdicts, chosen, usable))
    detail = f"{', '.join(right)} agree" if right else "none is right"
    absent = [name for name, verdict in verdicts.items() if verdict.absent]
    if absent:
        detail += f"; not available here: {', '.join(absent)}"
    measured = {
        name: {"relative_error": dict(verdict.errors), "absent": verdict.absent}
        for name, verdict in verdicts.items()
    }
    times = _times(device, right)
    gains = tuple(gain(times, device.compute_capability)) if not faults else ()
    step = judged("attention", detail, faults, {"backends": measured, "seconds": times}, gains)
    return step, usable


def _judge(name: str, device: Device) -> Verdict:
    errors: dict[str, float] = {}
    reason = ""
    for precision, dtype in DTYPES.items():
        try:
            attend = backend(name)
            errors[precision] = max(
                relative_error(attend(*(t.to(device.name) for t in inputs)), _exact(*inputs))
                for inputs in (_inputs(shape, dtype) for shape in SHAPES)
            )
        except (*REFUSALS, MissingDependencyError, ImportError) as error:
            reason = first_line(error)
    return Verdict(errors, "" if errors else reason)


def _inputs(shape: tuple[int, int, int, int, int], dtype: torch.dtype) -> tuple[Tensor, ...]:
    batch, heads, queries, keys, width = shape
    generator = torch.Generator().manual_seed(queries + keys + width)
    sizes = (queries, keys, keys)
    return tuple(
        torch.randn(batch, heads, size, width, generator=generator).to(dtype) for size in sizes
    )


def _exact(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention in fp64, as it is defined (Vaswani et al. 2017)."""
    scores = q.double() @ k.double().transpose(2, 3) / q.shape[-1] ** 0.5
    return scores.softmax(3) @ v.double()


def _faults(verdicts: Mapping[str, Verdict], chosen: str, usable: str) -> Iterator[Fault]:
    bound = limit("attention")
    for name, verdict in verdicts.items():
        if verdict.absent and name == chosen:
            yield _absent(name, verdict, usable)
        if verdict.absent or verdict.right:
            continue
        wrong = ", ".join(
            f"{precision} by {error:.1e} (at most {bound.at(precision):.0e})"
            for precision, error in verdict.errors.items()
            if not bound.holds(error, precision)
        )
        why = f"It is off in {wrong}."
        if name != chosen:
            yield Fault(
                "smoke-attention-unused-wrong",
                f"The attention back-end {name} computes wrong results on this device",
                why,
                advice=f"Do not switch {name} on.",
                severity=Severity.WARNING,
            )
            continue
        yield Fault(
            "smoke-attention-wrong",
            f"The attention back-end {name} computes wrong results: pictures come out broken",
            f"{why} {usable} is right." if usable != name else f"{why} No other is right either.",
            NEEDS.get(usable) if usable != name else None,
            advice="Update the graphics driver, or install the torch that `sdops env plan` names.",
        )


def _absent(name: str, verdict: Verdict, usable: str) -> Fault:
    return Fault(
        "smoke-attention-absent",
        f"The attention back-end {name} does not run on this device",
        f"torch says: {verdict.absent}. What follows was tried with {usable} in its place.",
        advice=f"Use {usable}: leave {name} off.",
    )


def _times(device: Device, names: list[str]) -> dict[str, float]:
    """Seconds that each back-end takes in fp16, where it fits into memory.

    On an NVIDIA GPU only, where UIs let one choose.
    """
    if device.kind != "cuda":
        return {}
    inputs = [tensor.to(device.name) for tensor in _inputs(TIMED_SHAPE, torch.float16)]
    times = {}
    for name in filter(NEEDS.__contains__, names):
        try:
            times[name] = _seconds(backend(name), inputs, device)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
    return times


def _seconds(attend: Attend, inputs: list[Tensor], device: Device) -> float:
    for _ in range(3):
        attend(*inputs)
    device.synchronize()
    begin = time.perf_counter()
    for _ in range(TIMED_RUNS):
        attend(*inputs)
    device.synchronize()
    return (time.perf_counter() - begin) / TIMED_RUNS


def gain(times: Mapping[str, float], capability: tuple[int, int] | None) -> Iterator[Gain]:
    """The back-end that is worth a flag: unflagged, A1111 on NVIDIA computes attention unfused.

    Args:
        times: seconds by back-end.
        capability: the GPU's compute capability; None for other vendors.
    """
    if "math" not in times or "sdpa" not in times:
        return
    candidates = ["sdpa"]
    low, high = XFORMERS_CAPABILITY
    if "xformers" in times and capability is not None and low <= capability <= high:
        candidates.append("xformers")
    best = min(candidates, key=lambda name: times[name])
    factor = times["math"] / times[best]
    if limit("attention-gain").holds(factor):
        yield Gain(
            NEEDS[best],
            f"Attention took {times[best] * 1e3:.2f} ms with it and {times['math'] * 1e3:.2f} ms"
            f" without on this machine: {factor:.1f} times as fast.",
        )
