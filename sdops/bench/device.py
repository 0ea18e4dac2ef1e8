"""The device that pictures are made on: its name, its clock, its memory."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

import torch

from sdops.errors import UsageError
from sdops.facts.host import processor
from sdops.facts.probe import attempt
from sdops.facts.tree import REAL

ORDER = ("cuda", "xpu", "mps", "cpu")
"""The kinds of device, the fastest first; ROCm calls itself cuda."""
REFUSALS = (RuntimeError, TypeError)
"""What torch raises where a device cannot compute something; a missing type is a TypeError."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device that torch computes on."""

    name: str
    """As torch takes it: `cuda`, `cuda:1`, `cpu`."""
    title: str
    """As people know it."""
    memory_bytes: int | None = None
    """Its own memory; None where it shares the machine's."""
    compute_capability: tuple[int, int] | None = None

    @property
    def kind(self) -> str:
        """`cuda`, `xpu`, `mps` or `cpu`."""
        return self.name.partition(":")[0]

    @property
    def has_own_memory(self) -> bool:
        """Whether torch counts this device's memory."""
        return self.kind in ("cuda", "xpu")

    def synchronize(self) -> None:
        """Wait until all that was asked of the device is done."""
        if self.has_own_memory:
            _module(self.kind).synchronize(self.name)
        elif self.kind != "cpu":
            _module(self.kind).synchronize()

    def allocated_bytes(self) -> int:
        """What tensors take on the device now, dead ones let go first."""
        gc.collect()
        self.synchronize()
        return int(_module(self.kind).memory_allocated(self.name))

    def peak_bytes(self) -> int:
        """The most that tensors took since `forget_peak`."""
        return int(_module(self.kind).max_memory_allocated(self.name))

    def limit_memory(self, limit_bytes: int | None) -> None:
        """Have torch act as if the device had only this much memory; None for all of it.

        Raises:
            UsageError: this torch cannot limit the memory of such a device.
        """
        assert self.memory_bytes is not None
        share = 1.0 if limit_bytes is None else min(limit_bytes / self.memory_bytes, 1.0)
        restrict = getattr(_module(self.kind), "set_per_process_memory_fraction", None)
        if restrict is None:
            raise UsageError(
                f"torch {torch.__version__} cannot limit the memory of {self.title}.",
                "Leave out --memory-limit.",
            )
        # Unlike the other functions, this one takes no device without a number.
        restrict(share, torch.device(self.name).index or 0)

    def forget_peak(self) -> None:
        """Let go of cached memory, and begin to watch for the peak anew."""
        gc.collect()
        if self.has_own_memory:
            _module(self.kind).empty_cache()
            _module(self.kind).reset_peak_memory_stats(self.name)


def _module(kind: str) -> Any:
    return getattr(torch, kind)


def choose(name: str | None) -> Device:
    """The device called `name`; None for the best there is.

    Raises:
        UsageError: torch has no such device here.
    """
    usable = [kind for kind in ORDER if _is_usable(kind)]
    if name is None:
        return _describe(usable[0])
    name = name.strip().casefold()
    if not any(name == kind or name in _numbered(kind) for kind in usable):
        raise UsageError(
            f"torch {torch.__version__} cannot compute on {name!r} here.",
            f"It can on: {', '.join(usable)}. `sdops doctor` says why others are missing.",
        )
    return _describe(name)


def first_line(error: BaseException) -> str:
    """What an error of torch says first; what follows is for its developers.

    Lines that only announce the next ("backend='inductor' raised:") are passed over.
    """
    lines = map(str.strip, str(error).splitlines())
    said = (line for line in lines if line and not line.endswith(":"))
    return next(said, type(error).__name__).rstrip(".")


def _is_usable(kind: str) -> bool:
    if kind == "mps":
        return bool(torch.backends.mps.is_available())
    return kind == "cpu" or bool(_module(kind).is_available())


def _numbered(kind: str) -> list[str]:
    count = 1 if kind in ("cpu", "mps") else _module(kind).device_count()
    return [f"{kind}:{number}" for number in range(count)]


def _describe(name: str) -> Device:
    kind = name.partition(":")[0]
    if kind == "cuda":
        properties = torch.cuda.get_device_properties(name)
        capability = None if torch.version.hip else (properties.major, properties.minor)
        return Device(name, properties.name, properties.total_memory, capability)
    if kind == "xpu":
        intel = torch.xpu.get_device_properties(name)
        return Device(name, intel.name, intel.total_memory)
    found = attempt([], "host.cpu", lambda: processor.look(REAL), None)
    return Device(name, found.name if found else "processor")
