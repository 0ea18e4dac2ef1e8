"""Looks at all GPUs of this machine, whoever made them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sdops.facts.gpu import apple, drivers, kfd, masks, nvidia_smi, nvml, pci, windows, xids
from sdops.facts.host import containers
from sdops.facts.probe import Probed, attempt
from sdops.facts.tree import REAL, Tree
from sdops.facts.types import Driver, Gap, Gpu, Xid


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
    listed = _list(gaps, tree)
    if sys.platform != "darwin":
        listed = _ask_nvidia(gaps, listed, containers.kind(tree, environment) is not None)
    masked = masks.apply(listed.gpus, environment)
    logged: tuple[Xid, ...] = ()
    if listed.nvidia() and sys.platform == "linux":
        logged = attempt(gaps, "gpu.xids", lambda: xids.look(tree), logged)
    return Probed(GpuFacts(masked.value, listed.drivers, logged), (*gaps, *masked.gaps))


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


def _ask_nvidia(gaps: list[Gap], listed: _Listed, contained: bool) -> _Listed:
    """`listed`, with NVIDIA's part as NVIDIA's own tools tell it.

    That these are missing is a gap only where something shows that they should be there.
    """
    told = nvml.read()
    found = _Listed(told.gpus, () if told.driver is None else (told.driver,))
    if told.library_missing or not told.answered:
        asked = nvidia_smi.read()
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
            gpu = dataclasses.replace(gpu, name=twin.name, pci_id=twin.pci_id, pci_bus=twin.pci_bus)
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
