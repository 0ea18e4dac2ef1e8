"""This container was started without access to the GPU.

Inside, torch finds no GPU although the machine has one. A container sees a GPU only when it is
given one at its start.

Fix: Start the container again with the GPU.

Source: docs.docker.com, Runtime options, GPU; NVIDIA Container Toolkit installation guide; ROCm
documentation, Running ROCm Docker containers.
"""

from __future__ import annotations

from sdops.check import Action, Command, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.patient import describe, kind_of, lacks_gpu, lost_in_container, torch_of

GIVE = {
    ("docker", "cuda"): ("docker", "run", "--gpus", "all", "IMAGE"),
    ("podman", "cuda"): ("podman", "run", "--device", "nvidia.com/gpu=all", "IMAGE"),
    ("docker", "rocm"): ("docker", "run", "--device", "/dev/kfd", "--device", "/dev/dri", "IMAGE"),
    ("podman", "rocm"): ("podman", "run", "--device", "/dev/kfd", "--device", "/dev/dri", "IMAGE"),
    ("docker", "xpu"): ("docker", "run", "--device", "/dev/dri", "IMAGE"),
    ("podman", "xpu"): ("podman", "run", "--device", "/dev/dri", "IMAGE"),
}


def check(facts: Facts) -> Iterator[Finding]:
    """Fires where a GPU build of torch is in a container in which no driver answers."""
    if facts.host.container is None:
        raise Skip("This is not a container.")
    torch = torch_of(facts)
    lacks_gpu(facts)
    if kind_of(torch) == "cpu":
        raise Skip("torch is a build for the processor.")
    if lost_in_container(facts):
        raise Skip("The container had its GPU and has lost it: see driver-faulty.")
    if any(not card.visible for card in facts.gpus):
        raise Skip("The GPU is here, but hidden by a variable.")
    if _driver_answers(facts):
        return
    seen = ", ".join(card.name for card in facts.gpus)
    yield Finding(
        rule="container-without-gpu",
        severity=Severity.WARNING if facts.ui is None and not seen else Severity.ERROR,
        title="This container has no access to a graphics card, so torch cannot use one.",
        why=f"torch {describe(torch)} is made for a GPU, and no GPU driver answers in here"
        + (f", although the machine has: {seen}." if seen else "."),
        evidence={"container": facts.host.container, "torch": torch.version, "gpus": seen},
        remedies=(_remedy(facts.host.container, kind_of(torch)),),
    )


def _driver_answers(facts: Facts) -> bool:
    """NVIDIA's tools list the card, or the device of another maker is there."""
    return any(
        card.source in ("nvml", "nvidia-smi", "kfd") or card.vendor == "intel"
        for card in facts.gpus
    )


def _remedy(container: str, kind: str) -> Remedy:
    argv = GIVE.get((container, kind))
    if argv is None:
        limit = " (in Kubernetes: a limit of nvidia.com/gpu: 1)" if kind == "cuda" else ""
        text = f"Give the container a GPU in its own settings{limit} and start it again."
        return Remedy(text, Action.RESTART_UI)
    toolkit = " That machine needs the NVIDIA Container Toolkit." if kind == "cuda" else ""
    text = (
        "On the machine that runs the container, start it again with the GPU, its other options "
        f"as before.{toolkit} If it has no GPU, tell the UI to use the processor."
    )
    return Remedy(text, Action.RESTART_UI, (Command(argv),))
