"""What a GPU is called by its PCI numbers, for when no driver tells."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sdops.facts.tree import Tree
from sdops.profile import load

VENDORS = {"10de": "nvidia", "1002": "amd", "8086": "intel"}
"""PCI vendor number → vendor (PCI-SIG)."""
_TITLES = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}
_PCI_IDS = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids", "/var/lib/pciutils/pci.ids")


@dataclass(frozen=True, slots=True)
class PciName:
    """What the tables know of one PCI device."""

    name: str
    compute_capability: tuple[int, int] | None = None
    gfx: str | None = None
    integrated: bool | None = None


def look_up(pci_id: str, tree: Tree) -> PciName:
    """The device `vendor:device`, from our tables, else from the system's own pci.ids."""
    vendor_id, _, device_id = pci_id.partition(":")
    vendor = VENDORS[vendor_id]
    known = _TABLES[vendor](device_id)
    name = known.name or _from_system(vendor_id, device_id, tree) or f"GPU {pci_id}"
    title = _TITLES[vendor]
    return replace(known, name=name if name.startswith(title) else f"{title} {name}")


def _nvidia(device_id: str) -> PciName:
    name, capability = load("pci/nvidia")["devices"].get(device_id, ("", ""))
    major, _, minor = capability.partition(".")
    return PciName(name, (int(major), int(minor)) if capability else None)


def _amd(device_id: str) -> PciName:
    table = load("pci/amd")
    name, gfx = table["devices"].get(device_id, ("", None))
    integrated = None if gfx is None else gfx in table["targets"]["integrated"]
    return PciName(name, gfx=gfx, integrated=integrated)


def _intel(device_id: str) -> PciName:
    table = load("pci/intel")
    name = table["names"].get(device_id, "")
    return PciName(name, integrated=device_id not in table["discrete"] if name else None)


_TABLES = {"nvidia": _nvidia, "amd": _amd, "intel": _intel}


def _from_system(vendor_id: str, device_id: str, tree: Tree) -> str | None:
    for path in _PCI_IDS:
        text = tree.text(path)
        if text is None:
            continue
        _, _, devices = text.partition(f"\n{vendor_id}  ")
        for line in devices.splitlines()[1:]:
            if not line.startswith(("\t", "#")) and line:
                break  # the next vendor
            if line.startswith(f"\t{device_id}  "):
                name = line.strip().partition("  ")[2]
                return name[name.find("[") + 1 : -1] if name.endswith("]") else name
    return None
