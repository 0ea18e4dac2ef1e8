"""The GPU drivers of a Linux system, from the kernel's own files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from sdops.facts.gpu.pci import PciGpu
from sdops.facts.tree import Tree
from sdops.facts.types import Driver

_NODES = {
    "nvidia": ("/dev", r"nvidia(\d+|ctl|-uvm)|dxg"),
    "amd": ("/dev", r"kfd"),
}
"""Where each vendor's device files are, besides those in /dev/dri (`dxg`: WSL's)."""


def look(devices: Iterable[PciGpu], tree: Tree) -> tuple[Driver, ...]:
    """One driver for each vendor that has a GPU in `devices`, or a driver loaded without one."""
    held: dict[str, str | None] = {}
    for device in devices:
        held[device.gpu.vendor] = held.get(device.gpu.vendor) or device.driver
    if tree.exists("/proc/driver/nvidia/version"):
        held["nvidia"] = held.get("nvidia") or "nvidia"
    return tuple(_driver(vendor, name, tree) for vendor, name in held.items())


def _driver(vendor: str, name: str | None, tree: Tree) -> Driver:
    nodes = tuple(_nodes(vendor, tree))
    default = {"nvidia": "nvidia", "amd": "amdgpu", "intel": "i915"}[vendor]
    return Driver(
        vendor=vendor,
        name=name or default,
        version=_nvidia_version(tree) if name == "nvidia" else _module_version(name, tree),
        rocm=_rocm_version(tree) if vendor == "amd" else None,
        loaded=name is not None,
        device_nodes=nodes,
        denied_nodes=tuple(node for node in nodes if not _may_open(node, tree)),
    )


def _nvidia_version(tree: Tree) -> str | None:
    text = tree.text("/proc/driver/nvidia/version") or ""
    match = re.search(r"Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s", text)
    return match[1] if match else tree.text("/sys/module/nvidia/version")


def _module_version(name: str | None, tree: Tree) -> str | None:
    return None if name is None else tree.text(f"/sys/module/{name}/version")


def _rocm_version(tree: Tree) -> str | None:
    text = tree.text("/opt/rocm/.info/version") or tree.text("/opt/rocm/.info/version-dev")
    return text.split("-")[0] if text else None


def _nodes(vendor: str, tree: Tree) -> Iterable[str]:
    if vendor in _NODES:
        folder, pattern = _NODES[vendor]
        for name in tree.names(folder):
            if re.fullmatch(pattern, name):
                yield f"{folder}/{name}"
    if vendor != "nvidia":
        for name in tree.names("/dev/dri"):
            if name.startswith("renderD") and _render_vendor(name, tree) in (None, vendor):
                yield f"/dev/dri/{name}"


def _render_vendor(name: str, tree: Tree) -> str | None:
    number = tree.integer(f"/sys/class/drm/{name}/device/vendor")
    return {0x10DE: "nvidia", 0x1002: "amd", 0x8086: "intel"}.get(number or 0)


def _may_open(node: str, tree: Tree) -> bool:
    return os.access(tree.path(node), os.R_OK | os.W_OK)
