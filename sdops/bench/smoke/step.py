"""What the smoke test says of one thing that it tried."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sdops.finding import Severity


class Need(Enum):
    """What generation needs on this machine; `profiles/bench/remedies` has each UI's word."""

    VAE_FP32 = "vae-fp32"
    MODEL_FP32 = "model-fp32"
    UPCAST_ATTENTION = "upcast-attention"
    UPCAST_SAMPLING = "upcast-sampling"
    VAE_TILES = "vae-tiles"
    MEMORY_PARTS = "memory-parts"
    MEMORY_LAYERS = "memory-layers"
    ATTENTION_SDPA = "attention-sdpa"
    ATTENTION_XFORMERS = "attention-xformers"
    ATTENTION_SUB_QUADRATIC = "attention-sub-quadratic"
    ATTENTION_MATH = "attention-math"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not work."""

    rule: str
    """Kebab-case id of the finding."""
    title: str
    """What it means for the user, one sentence."""
    why: str
    need: Need | None = None
    """What fixes it; None where no flag does."""
    advice: str = ""
    """What to do where no flag fixes it."""
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Gain:
    """A need that was not a fault: it works without, but better with it."""

    need: Need
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried."""

    name: str
    ok: bool | None
    """None: it does not apply here, `detail` says why."""
    detail: str
    faults: tuple[Fault, ...] = ()
    gains: tuple[Gain, ...] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, JSON-able."""


def judged(
    name: str,
    detail: str,
    faults: tuple[Fault, ...] = (),
    measured: Mapping[str, Any] | None = None,
    gains: tuple[Gain, ...] = (),
) -> Step:
    """A step that went well unless there are faults that are more than a warning."""
    ok = all(fault.severity < Severity.ERROR for fault in faults)
    return Step(name, ok, detail, faults, gains, _finite(measured or {}))


def _finite(value: Any) -> Any:
    """`value` with None for NaN and inf, which JSON does not know."""
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
