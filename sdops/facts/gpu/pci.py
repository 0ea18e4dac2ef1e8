"""GPUs as Linux lists them on the PCI bus, whatever driver they have or lack."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sdops.facts.gpu.names import VENDORS, look_up
from sdops.facts.tree import Tree
from sdops.facts.types import Gpu, PcieLink

DEVICES = "/sys/bus/pci/devices"
_DISPLAY, _ACCELERATOR = 0x03, 0x12
"""PCI base classes: display controllers; processing accelerators (AMD Instinct)."""
_GENERATIONS = {"2.5": 1, "5.0": 2, "5": 2, "8.0": 3, "8": 3, "16.0": 4, "16": 4, "32.0": 5,
                "32": 5, "64.0": 6, "64": 6}  # fmt: skip
"""GT/s per lane → PCIe generation (PCI Express Base Specification)."""


@dataclass(frozen=True, slots=True)
class PciGpu:
    """One GPU on the bus, and the kernel driver that holds it."""

    gpu: Gpu
    driver: str | None


def look(tree: Tree) -> tuple[PciGpu, ...]:
    """The GPUs of the vendors that matter here, in the order of the bus."""
    found: list[PciGpu] = []
    for bus in tree.names(DEVICES):
        pci_id = _gpu_id(f"{DEVICES}/{bus}", tree)
        if pci_id is None:
            continue
        vendor = VENDORS[pci_id.partition(":")[0]]
        index = sum(other.gpu.vendor == vendor for other in found)
        driver = tree.link_name(f"{DEVICES}/{bus}/driver")
        found.append(PciGpu(_gpu(bus, index, vendor, pci_id, tree), driver))
    return tuple(found)


def _gpu_id(folder: str, tree: Tree) -> str | None:
    device_class = tree.integer(f"{folder}/class") or 0
    vendor, device = tree.integer(f"{folder}/vendor"), tree.integer(f"{folder}/device")
    if device_class >> 16 not in (_DISPLAY, _ACCELERATOR) or vendor is None or device is None:
        return None
    is_known = f"{vendor:04x}" in VENDORS
    # Of accelerators, only AMD's are GPUs: Intel's and NVIDIA's under this class are not.
    if not is_known or (device_class >> 16 == _ACCELERATOR and vendor != 0x1002):
        return None
    return f"{vendor:04x}:{device:04x}"


def _gpu(bus: str, index: int, vendor: str, pci_id: str, tree: Tree) -> Gpu:
    folder = f"{DEVICES}/{bus}"
    known = look_up(pci_id, tree)
    total = tree.integer(f"{folder}/mem_info_vram_total")
    used = tree.integer(f"{folder}/mem_info_vram_used")
    sensors = _sensors(folder, tree)
    return Gpu(
        index=index,
        vendor=vendor,
        name=tree.text(f"{folder}/product_name") or known.name,
        source="sysfs",
        pci_id=pci_id,
        pci_bus=bus,
        compute_capability=known.compute_capability,
        gfx=known.gfx,
        integrated=known.integrated,
        vram_total_bytes=total,
        vram_free_bytes=None if total is None or used is None else max(total - used, 0),
        temperature_c=_scaled(sensors, "temp1_input", 1000, tree),
        power_w=_watts(sensors, ("power1_average", "power1_input"), tree),
        power_limit_w=_watts(sensors, ("power1_cap",), tree),
        power_limit_default_w=_watts(sensors, ("power1_cap_default",), tree),
        pcie=_pcie(folder, tree),
    )


def _sensors(folder: str, tree: Tree) -> str | None:
    name = next(iter(tree.names(f"{folder}/hwmon")), None)
    return None if name is None else f"{folder}/hwmon/{name}"


def _scaled(folder: str | None, name: str, scale: int, tree: Tree) -> int | None:
    value = None if folder is None else tree.integer(f"{folder}/{name}")
    return None if value is None else value // scale


def _watts(folder: str | None, names: tuple[str, ...], tree: Tree) -> float | None:
    for name in names:
        microwatts = _scaled(folder, name, 1, tree)
        if microwatts is not None:
            return microwatts / 1e6
    return None


def _pcie(folder: str, tree: Tree) -> PcieLink | None:
    link = PcieLink(
        _generation(tree.text(f"{folder}/current_link_speed")),
        _width(tree.integer(f"{folder}/current_link_width")),
        _generation(tree.text(f"{folder}/max_link_speed")),
        _width(tree.integer(f"{folder}/max_link_width")),
    )
    return None if link == PcieLink() else link


def _generation(speed: str | None) -> int | None:
    match = re.match(r"([\d.]+) GT/s", speed or "")
    return _GENERATIONS.get(match[1]) if match else None


def _width(lanes: int | None) -> int | None:
    return lanes if lanes and lanes < 255 else None  # 0 and 255: there is no link
