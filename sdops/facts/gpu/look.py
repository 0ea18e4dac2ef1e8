"""Looks at all GPUs of this machine, whoever made them."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sdops.facts.bounded import Pending
from sdops.facts.gpu import apple, drivers, kfd, masks, nvidia_smi, nvml, pci, windows, xids
from sdops.facts.host import containers
from sdops.facts.probe import Probed, attempt
from sdops.facts.tree import REAL, Tree
from sdops.facts.types import Driver, Gap, Gpu, Xid

SIDE_BY_SIDE_S = 8.5
NVIDIA_SMI_S = 6.0
ALL_S = 11.0
"""A little less than the time that the looks at all GPUs are given together."""


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """The GPUs, their drivers, and what NVIDIA's driver logged."""

    gpus: tuple[Gpu, ...] = ()
    drivers: tuple[Driver, ...] = ()
    xids: tuple[Xid, ...] = ()


@dataclass(frozen=True, slots=True)
class _Listed:
    """GPUs and drivers as one source lists them."""

    gpus: tuple[Gpu, ...] = ()
    drivers: tuple[Driver, ...] = ()

    def nvidia(self) -> tuple[Gpu, ...]:
        return tuple(gpu for gpu in self.gpus if gpu.vendor == "nvidia")

    def nvidia_driver(self) -> Driver | None:
        return next((driver for driver in self.drivers if driver.vendor == "nvidia"), None)


def look(environment: Mapping[str, str], tree: Tree = REAL) -> Probed[GpuFacts]:
    """Every GPU, with those hidden by a mask in `environment` marked.

    Args:
        environment: the environment that the patient runs in.
        tree: where `/proc`, `/sys` and `/dev` are read.
    """
    gaps: list[Gap] = []
    deadline = time.monotonic() + ALL_S
    told = _start("gpu.nvml", nvml.read, nvml.Nvml()) if sys.platform != "darwin" else None
    listed = _list(gaps, tree)
    logged = _start_xids(tree) if listed.nvidia() or listed.nvidia_driver() else None
    if told is not None:
        contained = containers.kind(tree, environment) is not None
        listed = _ask_nvidia(gaps, told.result(), listed, contained, deadline)
    if logged is None and listed.nvidia():
        logged = _start_xids(tree)
    nothing: tuple[Xid, ...] = ()
    found = Probed(nothing) if logged is None else logged.result()
    gaps.extend(found.gaps)
    masked = masks.apply(listed.gpus, environment)
    return Probed(GpuFacts(masked.value, listed.drivers, found.value), (*gaps, *masked.gaps))


T = TypeVar("T")


def _start(fact: str, look: Callable[[], T], default: T) -> Pending[T]:
    """Runs a probe beside the others; its own time limit is a little shorter than this one."""
    return Pending(fact, lambda: Probed(look()), default, SIDE_BY_SIDE_S)


def _start_xids(tree: Tree) -> Pending[tuple[Xid, ...]] | None:
    nothing: tuple[Xid, ...] = ()
    return _start("gpu.xids", lambda: xids.look(tree), nothing) if sys.platform == "linux" else None


def _list(gaps: list[Gap], tree: Tree) -> _Listed:
    """What the operating system lists."""
    if sys.platform == "darwin":
        return attempt(gaps, "gpu.system_profiler", lambda: _Listed(apple.read()), _Listed())
    if sys.platform == "win32":
        return attempt(gaps, "gpu.cim", _list_windows, _Listed())
    return attempt(gaps, "gpu.pci", lambda: _list_linux(tree), _Listed())


def _list_windows() -> _Listed:
    found = windows.read()
    return _Listed(found.gpus, found.drivers)


def _list_linux(tree: Tree) -> _Listed:
    devices = pci.look(tree)
    gpus = kfd.refine([device.gpu for device in devices], tree)
    return _Listed(gpus, drivers.look(devices, tree))


def _ask_nvidia(
    gaps: list[Gap],
    answer: Probed[nvml.Nvml],
    listed: _Listed,
    contained: bool,
    deadline: float,
) -> _Listed:
    """`listed`, with NVIDIA's part as NVIDIA's own tools tell it.

    That these are missing is a gap only where something shows that they should be there.
    """
    told = answer.value
    gaps.extend(answer.gaps)
    found = _Listed(told.gpus, () if told.driver is None else (told.driver,))
    if told.library_missing or not told.answered:
        asked = nvidia_smi.read(min(NVIDIA_SMI_S, deadline - time.monotonic()))
        found = _Listed(asked.gpus, () if asked.driver is None else (asked.driver,))
        expected = listed.nvidia() or listed.nvidia_driver() or asked.gpus or asked.gaps
        if expected or not told.library_missing:
            gaps.extend((*told.gaps, *asked.gaps))
    else:
        gaps.extend(told.gaps)
    others = tuple(gpu for gpu in listed.gpus if gpu.vendor != "nvidia")
    other_drivers = tuple(driver for driver in listed.drivers if driver.vendor != "nvidia")
    driver = _merge_drivers(found.nvidia_driver(), listed.nvidia_driver())
    gpus = (*_merge(found.gpus, listed, contained), *others)
    return _Listed(gpus, (*(() if driver is None else (driver,)), *other_drivers))


def _merge(told: Sequence[Gpu], listed: _Listed, contained: bool) -> tuple[Gpu, ...]:
    """NVIDIA's GPUs: as its own tools tell, else as the system lists them."""
    if not told:
        return listed.nvidia()
    known = {gpu.pci_bus for gpu in told if gpu.pci_bus}
    unknown = [gpu for gpu in listed.nvidia() if gpu.pci_bus and gpu.pci_bus not in known]
    merged = []
    for gpu in told:
        if gpu.pci_bus is None and gpu.lost and unknown:
            twin = unknown.pop(0)
            gpu = dataclasses.replace(twin, index=gpu.index, source=gpu.source, lost=True)
        merged.append(gpu)
    # In a container the bus shows the host's GPUs, of which this one is given some.
    driver = listed.nvidia_driver()
    if not contained and driver is not None and driver.name == "nvidia":
        count = len(merged)
        merged += [
            dataclasses.replace(gpu, index=count + order, lost=True)
            for order, gpu in enumerate(unknown)
        ]
    return tuple(merged)


def _merge_drivers(told: Driver | None, listed: Driver | None) -> Driver | None:
    if told is None or listed is None:
        return told or listed
    if listed.name != told.name:  # nouveau holds the card while NVIDIA's library lies unused
        return dataclasses.replace(listed, fault=told.fault)
    return dataclasses.replace(
        told,
        version=told.version or listed.version,
        loaded=listed.loaded if told.loaded is None else told.loaded,
        device_nodes=listed.device_nodes,
        denied_nodes=listed.denied_nodes,
    )
