"""What is known of a GPU model: its architecture, how half precision fares on it, its traps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sdops.facts.types import Gpu
from sdops.profile import load


@dataclass(frozen=True, slots=True)
class GpuModel:
    """One row of the GPU tables: cards that behave alike."""

    vendor: str
    architecture: str
    """`Turing`, `RDNA2`."""
    names: tuple[str, ...]
    compute_capability: tuple[int, int] | None = None
    gfx: str | None = None
    fp16: str = "full"
    """`full`: fast and right. `slow`: right and saves memory, but no faster than fp32.
    `unreliable`: gives NaN, black or green images. `none`."""
    bf16: bool = False
    fp8: bool = False
    cuda_malloc_async: bool = True
    """False where PyTorch's cudaMallocAsync backend does not work (NVIDIA)."""
    exclusive: bool = False
    """Only for cards named in this row, not for others of the same compute capability."""
    backend: str | None = None
    """What official torch builds call the device: `cuda`, `mps`, `xpu`; None: not supported.
    For AMD it is `cuda` where official ROCm builds serve the card."""
    linux: str | None = None
    """AMD on Linux: `official`, `override`, `experimental` or `none`."""
    hsa_override: str | None = None
    """AMD on Linux: the HSA_OVERRIDE_GFX_VERSION that makes official builds work, `10.3.0`."""
    integrated: bool = False
    note: str = ""
    source: str = ""


@cache
def models(vendor: str) -> tuple[GpuModel, ...]:
    """The models known of `vendor`: `nvidia`, `amd`, `intel` or `apple`."""
    if vendor == "nvidia":
        return tuple(_nvidia(row) for row in load("gpus/nvidia")["gpu"])
    if vendor == "amd":
        return tuple(_amd(row) for row in load("gpus/amd")["gpu"])
    rows = load("gpus/other")["gpu"]
    return tuple(_model(row, row["vendor"]) for row in rows if row["vendor"] == vendor)


def model(gpu: Gpu) -> GpuModel | None:
    """What is known of `gpu`: by compute capability or gfx where the driver says it, else by name.

    None for a GPU that is not in the tables, most likely newer than they are.
    """
    known = models(gpu.vendor)
    if gpu.compute_capability is not None:
        known = tuple(row for row in known if row.compute_capability == gpu.compute_capability)
    elif gpu.gfx is not None:
        known = tuple(row for row in known if row.gfx == gpu.gfx)
    elif gpu.vendor in ("nvidia", "amd"):
        return _named(gpu.name, known)
    named = _named(gpu.name, known)
    if named is not None or gpu.vendor not in ("nvidia", "amd"):
        return named
    return next((row for row in known if not row.exclusive), None)


def capability(gpu: Gpu) -> tuple[int, int] | None:
    """The compute capability of an NVIDIA card, as the driver says or as its name tells."""
    if gpu.compute_capability is not None:
        return gpu.compute_capability
    known = model(gpu)
    return known.compute_capability if known else None


def is_integrated(gpu: Gpu) -> bool:
    """Whether `gpu` is part of the processor, as the system says or as its model tells."""
    if gpu.integrated is not None:
        return gpu.integrated
    known = model(gpu)
    return known is not None and known.integrated


def _named(name: str, known: Iterable[GpuModel]) -> GpuModel | None:
    """The row with the longest name that stands in `name` as whole words."""
    hits = [
        (len(part), row)
        for row in known
        for part in row.names
        if re.search(rf"(?<!\w){re.escape(part)}(?!\w)", name, re.IGNORECASE)
    ]
    return max(hits, key=lambda hit: hit[0])[1] if hits else None


def _nvidia(row: dict[str, Any]) -> GpuModel:
    major, _, minor = row["compute_capability"].partition(".")
    return _model(row, "nvidia", compute_capability=(int(major), int(minor)), backend="cuda")


def _amd(row: dict[str, Any]) -> GpuModel:
    served = row["linux"] in ("official", "override")
    return _model(row, "amd", backend="cuda" if served else None)


def _model(row: dict[str, Any], vendor: str, **changes: Any) -> GpuModel:
    return GpuModel(**{**row, "vendor": vendor, "names": tuple(row["names"]), **changes})
