"""torch computes wrongly on this device, or not at all.

`--deep` multiplies two matrices and makes one convolution on each device, in single and in half
precision, and compares with the processor. Wrong results become black, green or noisy images.

Fix: Wrong in half precision only: let the UI use single precision. Otherwise see the error's text.

Source: PyTorch documentation, numerical accuracy; the limits stand in sdops/facts/guest.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sdops.check import Action, Facts, Finding, Iterator, KernelProbe, Remedy, Severity, Skip
from sdops.knowledge.patient import torch_of
from sdops.remedies.torch import install_torch

RULE = "kernel-failures"
EXPLAINED = re.compile(r"no kernel image|out of memory|CUDA initialization", re.IGNORECASE)
"""Reported by `torch-lacks-architecture`, `vram-held` and `cuda-unavailable`."""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each device and precision that fails."""
    torch_of(facts)
    if facts.deep is None or not facts.deep.kernels:
        raise Skip("Nothing was computed: ask for that with --deep.")
    groups: dict[tuple[str, str], list[KernelProbe]] = {}
    for probe in facts.deep.kernels:
        if not probe.ok and not _is_explained(probe):
            groups.setdefault((probe.device, probe.dtype), []).append(probe)
    single = {device for device, dtype in groups if dtype == "float32"}
    for (device, dtype), probes in groups.items():
        if dtype != "float32" and device in single:
            continue  # the same cause
        raised = next((probe for probe in probes if probe.exception is not None), None)
        yield _raised(facts, raised) if raised else _wrong(device, dtype, probes)


def _is_explained(probe: KernelProbe) -> bool:
    """By another check, or because processors need no half precision and old torch has none."""
    text = probe.message or ""
    return EXPLAINED.search(text) is not None or (probe.device == "cpu" and "'Half'" in text)


def _wrong(device: str, dtype: str, probes: Sequence[KernelProbe]) -> Finding:
    half = dtype == "float16"
    errors = "; ".join(f"{probe.operation}: {probe.message}" for probe in probes)
    remedy = Remedy(
        "Let the UI compute in single precision: in the A1111 family with --no-half, in ComfyUI "
        "with --force-fp32.",
        Action.CHANGE_FLAG,
    )
    worn = Remedy(
        "Undo any overclocking, update the driver, and test the card's memory: wrong results in "
        "single precision mean failing hardware or a broken driver.",
        Action.UPDATE_DRIVER,
    )
    return Finding(
        rule=RULE,
        severity=Severity.WARNING if half else Severity.CRITICAL,
        title=f"Half precision gives wrong results on {device}, so images may come out black."
        if half
        else f"{device} computes wrongly, so no image can be trusted.",
        why=f"Against the processor, in {dtype}: {errors}.",
        evidence={"device": device, "dtype": dtype, "errors": errors},
        remedies=(remedy,) if half else (worn,),
    )


def _raised(facts: Facts, probe: KernelProbe) -> Finding:
    torch = torch_of(facts)
    says = f"{probe.exception or 'error'}: {probe.message or 'no text'}"
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title=f"torch cannot compute on {probe.device}.",
        why=f"A {probe.operation} in {probe.dtype} failed. torch says: {says}",
        evidence={"device": probe.device, "message": probe.message},
        remedies=install_torch(facts, near=torch.version),
    )
