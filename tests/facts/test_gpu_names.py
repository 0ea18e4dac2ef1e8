"""The tables of PCI devices."""

from __future__ import annotations

import re

import pytest

from sdops.facts.gpu.names import VENDORS, look_up
from sdops.facts.tree import Tree
from sdops.profile import load

IDS = [
    f"{number}:{device}"
    for number, vendor in VENDORS.items()
    for device in load(f"pci/{vendor}").get("devices", load(f"pci/{vendor}").get("names", {}))
]


def test_every_row_can_be_looked_up(tmp_path):
    nowhere = Tree(tmp_path)
    for pci_id in IDS:
        assert re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", pci_id)
        known = look_up(pci_id, nowhere)
        assert known.name
        assert known.gfx is None or re.fullmatch(r"gfx[0-9a-f]{3,4}", known.gfx)


@pytest.mark.parametrize(
    ("pci_id", "name", "capability", "gfx", "integrated"),
    [
        ("10de:1c03", "NVIDIA GeForce GTX 1060 6GB", (6, 1), None, None),
        ("10de:2184", "NVIDIA GeForce GTX 1660", (7, 5), None, None),
        ("10de:2684", "NVIDIA GeForce RTX 4090", (8, 9), None, None),
        ("10de:2b85", "NVIDIA GeForce RTX 5090", (12, 0), None, None),
        ("1002:744c", "AMD Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M", None, "gfx1100", False),
        ("1002:67df", "AMD Radeon RX 470/480/570/570X/580/580X/590", None, "gfx803", False),
        ("1002:15bf", "AMD Radeon 740M / 760M / 780M Graphics", None, "gfx1103", True),
        ("8086:56a0", "Intel Arc A770", None, None, False),
        ("8086:e20b", "Intel Arc B580", None, None, False),
        ("8086:46a6", "Intel Iris Xe Graphics", None, None, True),
        ("10de:ffff", "NVIDIA GPU 10de:ffff", None, None, None),
        ("1002:ffff", "AMD GPU 1002:ffff", None, None, None),
    ],
)
def test_well_known_cards(tmp_path, pci_id, name, capability, gfx, integrated):
    known = look_up(pci_id, Tree(tmp_path))
    assert (known.name, known.compute_capability, known.gfx, known.integrated) == (
        name,
        capability,
        gfx,
        integrated,
    )
