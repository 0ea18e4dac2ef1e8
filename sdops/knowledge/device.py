"""Which of the machine's processors a UI will generate on, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from sdops.facts.types import Facts, Gpu
from sdops.knowledge import torch_plan
from sdops.knowledge.flags import takes_flag
from sdops.knowledge.gpus import GpuModel, capability, model
from sdops.knowledge.torch_plan import Refusal


class DeviceKind(Enum):
    """How torch reaches a processor."""

    CUDA = "cuda"
    ROCM = "rocm"
    XPU = "xpu"
    MPS = "mps"
    DIRECTML = "directml"
    CPU = "cpu"
    UNKNOWN = "unknown"
    """There is a GPU that this UI cannot use, or nobody can say whether there is one."""


@dataclass(frozen=True, slots=True)
class Device:
    """The processor that a UI will generate on."""

    kind: DeviceKind
    gpu: Gpu | None = None
    model: GpuModel | None = None

    @property
    def compute_capability(self) -> tuple[int, int] | None:
        """NVIDIA: what the driver says, else what is known of the model."""
        return capability(self.gpu) if self.gpu else None

    @property
    def vram_bytes(self) -> int | None:
        """The GPU's own memory; None where it is unknown or shared with the system."""
        if self.gpu is None or self.gpu.integrated:
            return None
        return self.gpu.vram_total_bytes or None


def device_of(facts: Facts) -> Device:
    """The processor that the patient will generate on, as far as the facts can say.

    The kind of GPU that the installed torch was built for comes first, then NVIDIA, AMD, Intel;
    among GPUs of one vendor the most capable.
    """
    if facts.host.os == "macos":
        apple = next((gpu for gpu in facts.visible_gpus if gpu.vendor == "apple"), None)
        return Device(DeviceKind.MPS, apple, model(apple)) if apple else Device(DeviceKind.CPU)
    if _is_left_to_the_processor(facts):
        return Device(DeviceKind.CPU)
    for vendor in _vendors(facts):
        usable = [gpu for gpu in facts.visible_gpus if gpu.vendor == vendor and _is_usable(gpu)]
        if usable:
            best = max(usable, key=_worth)
            return Device(_kind(facts, best), best, model(best))
    return Device(DeviceKind.CPU if _has_surely_no_gpu(facts) else DeviceKind.UNKNOWN)


def _is_left_to_the_processor(facts: Facts) -> bool:
    """Whether torch is a build for the processor because no official one serves the GPU here.

    Not on Windows, where DirectML reaches a GPU through that very build.
    """
    python = facts.python
    if facts.host.os == "windows" or python is None or python.version is None:
        return False
    if python.torch is None or python.torch.variant != "cpu":
        return False
    plan = torch_plan.choose(
        facts.host,
        facts.visible_gpus,
        None,
        python.version,
        machine=python.machine,
        near=python.torch.version,
    )
    return isinstance(plan, Refusal) and plan.instead is not None


def built_for_gpu(facts: Facts) -> bool:
    """Whether the patient's torch is a build for some kind of GPU."""
    torch = facts.python.torch if facts.python else None
    return torch is not None and torch.variant != "cpu"


def _vendors(facts: Facts) -> Iterable[str]:
    torch = facts.python.torch if facts.python else None
    variant = torch.variant if torch else ""
    prefixes = {"nvidia": "cu", "amd": "rocm", "intel": "xpu"}
    return sorted(prefixes, key=lambda vendor: not variant.startswith(prefixes[vendor]))


def _is_usable(gpu: Gpu) -> bool:
    if gpu.vendor == "nvidia":
        return True
    known = model(gpu)
    supported = known is not None and known.backend is not None
    if gpu.vendor == "intel":
        return supported
    return supported if gpu.integrated or (known and known.integrated) else True


def _worth(gpu: Gpu) -> tuple[bool, tuple[int, int], int]:
    known = model(gpu)
    trusted = known is None or known.fp16 == "full"
    return trusted, capability(gpu) or (0, 0), gpu.vram_total_bytes or 0


def _kind(facts: Facts, gpu: Gpu) -> DeviceKind:
    if gpu.vendor == "nvidia":
        return DeviceKind.CUDA
    if gpu.vendor == "intel":
        return DeviceKind.XPU
    torch = facts.python.torch if facts.python else None
    if facts.host.os == "linux" or (torch is not None and torch.hip):
        return DeviceKind.ROCM
    directml = facts.ui is not None and any(
        takes_flag(facts.ui, flag) for flag in ("--directml", "--use-directml")
    )
    return DeviceKind.DIRECTML if directml else DeviceKind.UNKNOWN


def _has_surely_no_gpu(facts: Facts) -> bool:
    """No GPU is seen, and none can be hiding behind a mask, a container or WSL."""
    if any(_is_usable(gpu) for gpu in facts.gpus if gpu.vendor in ("nvidia", "amd", "intel")):
        return False
    if facts.driver("nvidia") is not None:
        return False
    behind_a_wall = facts.host.container is not None or facts.host.wsl is not None
    return not (behind_a_wall and built_for_gpu(facts))
