"""AMD GPUs as the kernel's compute driver (kfd) describes them.

Source: Linux drivers/gpu/drm/amd/amdkfd/kfd_topology.c.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sdops.facts.tree import Tree
from sdops.facts.types import Gpu

NODES = "/sys/class/kfd/kfd/topology/nodes"


def refine(gpus: Sequence[Gpu], tree: Tree) -> tuple[Gpu, ...]:
    """`gpus` with the target and the number that kfd gives to the AMD ones among them."""
    nodes = _nodes(tree)
    refined = []
    for gpu in gpus:
        order = next((i for i, node in enumerate(nodes) if _bus(node) == gpu.pci_bus), None)
        if gpu.vendor != "amd" or order is None:
            refined.append(gpu)
            continue
        node = nodes[order]
        unique = node.get("unique_id")
        refined.append(
            dataclasses.replace(
                gpu,
                index=order,
                source="kfd",
                gfx=_target(node.get("gfx_target_version", 0)) or gpu.gfx,
                uuid=f"GPU-{unique:016x}" if unique else None,  # as ROCr and rocminfo write it
            )
        )
    return tuple(refined)


def _nodes(tree: Tree) -> list[dict[str, int]]:
    """The properties of the nodes that are GPUs, in kfd's order."""
    names = sorted((name for name in tree.names(NODES) if name.isdecimal()), key=int)
    nodes = [_properties(tree.text(f"{NODES}/{name}/properties") or "") for name in names]
    return [node for node in nodes if node.get("simd_count", 0) > 0]


def _properties(text: str) -> dict[str, int]:
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _bus(node: dict[str, int]) -> str:
    location = node.get("location_id", 0)
    bus, device, function = location >> 8 & 0xFF, location >> 3 & 0x1F, location & 0x7
    return f"{node.get('domain', 0):04x}:{bus:02x}:{device:02x}.{function}"


def _target(version: int) -> str | None:
    """`gfx90a` from 90010: two digits each for minor and stepping, in decimal."""
    if version <= 0:
        return None
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"
