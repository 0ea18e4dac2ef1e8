"""torch was built for GPUs of another maker than the one in this machine.

A build for NVIDIA finds nothing on an AMD or Intel card, and the reverse: the UI stops with "no
NVIDIA driver on your system" or computes on the processor.

Fix: Replace torch by the build for this GPU.

Source: pytorch.org get-started: CUDA builds for NVIDIA, ROCm builds for AMD on Linux, XPU builds
for Intel Arc.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Severity, Skip
from sdops.knowledge.patient import describe, lacks_gpu, maker_of, torch_of
from sdops.knowledge.torch_plan import Refusal
from sdops.remedies.torch import install_torch, plan_torch

NAMES = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}


def check(facts: Facts) -> Iterator[Finding]:
    """Fires only where another official build would use the GPU, or where none can."""
    torch = torch_of(facts)
    lacks_gpu(facts)
    maker = maker_of(torch)
    if maker is None:
        raise Skip("torch is a build for the processor.")
    if any(card.vendor == maker for card in facts.gpus):
        return
    if not facts.visible_gpus:
        raise Skip("No GPU is visible here.")
    plan = plan_torch(facts, near=torch.version)
    if isinstance(plan, Refusal):
        raise Skip(plan.reason)
    if plan.variant == "cpu":
        raise Skip("There is no GPU here that an official torch could use.")
    names = ", ".join(card.name for card in facts.visible_gpus)
    yield Finding(
        rule="torch-wrong-vendor",
        severity=Severity.ERROR,
        title=f"torch was built for {NAMES[maker]} cards, and this machine has another one.",
        why=f"torch {describe(torch)} cannot use: {names}.",
        evidence={"torch": torch.version, "gpus": names, "fitting_build": plan.variant},
        remedies=install_torch(facts, near=torch.version),
    )
