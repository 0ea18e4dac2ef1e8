"""Which GPUs the environment hides from programs.

Sources: CUDA C++ Programming Guide, "CUDA Environment Variables"; ROCm documentation, "GPU
isolation techniques", and HIP's rocdevice.cpp, where an empty HIP_VISIBLE_DEVICES counts as unset;
Level Zero specification, "Environment Variables"; oneAPI DPC++ compiler, "ONEAPI_DEVICE_SELECTOR".
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from sdops.facts.probe import Probed
from sdops.facts.types import Gap, Gpu


def apply(gpus: Sequence[Gpu], environment: Mapping[str, str]) -> Probed[tuple[Gpu, ...]]:
    """`gpus`, with `visible` false where a mask in `environment` hides one."""
    gaps: list[Gap] = []
    seen = {
        "nvidia": _cuda(_of(gpus, "nvidia"), environment, gaps),
        "amd": _hip(_of(gpus, "amd"), environment),
        "intel": _intel(_of(gpus, "intel"), environment),
    }
    masked = tuple(
        dataclasses.replace(gpu, visible=gpu.vendor not in seen or gpu in seen[gpu.vendor])
        for gpu in gpus
    )
    return Probed(masked, tuple(gaps))


def _of(gpus: Sequence[Gpu], vendor: str) -> list[Gpu]:
    return sorted((gpu for gpu in gpus if gpu.vendor == vendor), key=lambda gpu: gpu.index)


def _cuda(gpus: list[Gpu], environment: Mapping[str, str], gaps: list[Gap]) -> list[Gpu]:
    mask = environment.get("CUDA_VISIBLE_DEVICES")
    if mask is None:
        return gpus
    by_bus = environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    ordered = gpus if by_bus else sorted(gpus, key=_speed, reverse=True)
    chosen = _select(ordered, mask)
    alike = len({gpu.name for gpu in gpus}) < 2
    if re.search(r"(^|,)\s*\d", mask) and not by_bus and not alike and 0 < len(chosen) < len(gpus):
        why = (
            f"CUDA numbers unequal GPUs fastest first unless CUDA_DEVICE_ORDER=PCI_BUS_ID is set: "
            f"that CUDA_VISIBLE_DEVICES={mask} means {', '.join(gpu.name for gpu in chosen)} "
            "is a guess"
        )
        gaps.append(Gap("gpu.cuda_order", why))
    return chosen


def _speed(gpu: Gpu) -> tuple[tuple[int, int], int]:
    """Newer and larger stands for faster; equal cards keep their order on the bus."""
    return gpu.compute_capability or (0, 0), gpu.vram_total_bytes or 0


def _hip(gpus: list[Gpu], environment: Mapping[str, str]) -> list[Gpu]:
    below = environment.get("ROCR_VISIBLE_DEVICES")
    gpus = gpus if below is None else _select(gpus, below)
    mask = environment.get("HIP_VISIBLE_DEVICES") or environment.get("CUDA_VISIBLE_DEVICES")
    return _select(gpus, mask) if mask else gpus


def _select(gpus: Sequence[Gpu], mask: str) -> list[Gpu]:
    """The GPUs that a comma-separated mask names: what follows a wrong entry is hidden too."""
    chosen: list[Gpu] = []
    for entry in mask.split(","):
        gpu = _named(gpus, entry.strip())
        if gpu is None or gpu in chosen:
            break
        chosen.append(gpu)
    return chosen


def _named(gpus: Sequence[Gpu], entry: str) -> Gpu | None:
    number = re.match(r"\+?\d+", entry)  # CUDA reads numbers as strtol does
    if number:
        index = int(number.group())
        return gpus[index] if index < len(gpus) else None
    entry = re.sub(r"^MIG-(?=GPU-)", "", entry).split("/")[0]
    if not entry.startswith("GPU-"):
        # A bare MIG-… names a part of a GPU that is unknown here.
        return next((gpu for gpu in gpus if gpu.mig), None) if entry.startswith("MIG-") else None
    named = [gpu for gpu in gpus if (gpu.uuid or "").lower().startswith(entry.lower())]
    return named[0] if len(named) == 1 else None  # CUDA wants an abbreviation to be unique


def _intel(gpus: list[Gpu], environment: Mapping[str, str]) -> list[Gpu]:
    mask = environment.get("ZE_AFFINITY_MASK", "").strip()
    if mask:
        numbers = {entry.split(".")[0].strip() for entry in mask.split(",")}
        gpus = [gpu for order, gpu in enumerate(gpus) if str(order) in numbers]
    selector = environment.get("ONEAPI_DEVICE_SELECTOR", "").strip()
    if not selector:
        return gpus
    return [gpu for order, gpu in enumerate(gpus) if _selected(selector.lower(), order)]


def _selected(selector: str, order: int) -> bool:
    terms = [term.strip() for term in selector.split(";") if term.strip()]
    accepting = [term for term in terms if not term.startswith("!")]
    refused = any(_matches(term[1:], order) for term in terms if term.startswith("!"))
    return not refused and (not accepting or any(_matches(term, order) for term in accepting))


def _matches(term: str, order: int) -> bool:
    backend, _, devices = term.partition(":")
    if not any(fnmatchcase(name, backend) for name in ("level_zero", "opencl")):
        return False
    wanted = {device.strip().split(".")[0] for device in devices.split(",")}
    return bool(wanted & {"*", "gpu", str(order)})
