"""Writes profiles/pci/*.toml from a pci.ids file (https://pci-ids.ucw.cz).

    python scripts/make_pci_tables.py /usr/share/misc/pci.ids "pci.ids 2026.10.24 (…)"

The name of a chip there (GA106, Navi 21) gives the compute capability or the LLVM target through
the tables below.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PROFILES = Path(__file__).parent.parent / "profiles" / "pci"

CAPABILITIES = (
    ("GK10[4-7]", "3.0"), ("GK208|GK110|GK180", "3.5"), ("GK210", "3.7"), ("GM10[78]", "5.0"),
    ("GM20[046]", "5.2"), ("GP100", "6.0"), ("GP10[2-8]", "6.1"), ("GV100", "7.0"), ("TU1", "7.5"),
    ("GA100", "8.0"), ("GA10[2-7]", "8.6"), ("AD10", "8.9"), ("GH100", "9.0"),
    ("GB10[02]", "10.0"), ("GB110", "10.3"), ("GB20[2-7]", "12.0"),
)  # fmt: skip
"""Chip → compute capability (developer.nvidia.com/cuda-gpus)."""

TARGETS = (
    ("Navi 10", "gfx1010"), ("Navi 12", "gfx1011"), ("Navi 14", "gfx1012"), ("Navi 21", "gfx1030"),
    ("Navi 22", "gfx1031"), ("Navi 23", "gfx1032"), ("Navi 24", "gfx1034"),
    ("VanGogh|Sephiroth|Aerith", "gfx1033"), ("Rembrandt", "gfx1035"),
    ("Raphael|Granite Ridge", "gfx1036"), ("Mendocino", "gfx1037"), ("Navi 31", "gfx1100"),
    ("Navi 32", "gfx1101"), ("Navi 33", "gfx1102"), ("Phoenix|Hawk", "gfx1103"),
    ("Strix Halo", "gfx1151"), ("Strix", "gfx1150"), ("Krackan", "gfx1152"),
    ("Navi 44", "gfx1200"), ("Navi 48", "gfx1201"), ("Vega 10", "gfx900"), ("Vega 12", "gfx904"),
    ("Vega 20", "gfx906"), ("Raven2", "gfx909"), ("Raven Ridge|Picasso", "gfx902"),
    ("Renoir|Cezanne|Lucienne|Barcelo", "gfx90c"), ("Arcturus", "gfx908"),
    ("Aldebaran", "gfx90a"), ("Aqua Vanjaram", "gfx942"),
    ("Ellesmere|Baffin|Polaris|Lexa|Fiji", "gfx803"), ("Tonga|Topaz", "gfx802"),
    ("Carrizo", "gfx801"), ("Hawaii", "gfx701"),
)  # fmt: skip
"""Chip → LLVM target (LLVM User Guide for AMDGPU Backend, section Processors)."""

INTEGRATED = ("gfx801", "gfx902", "gfx909", "gfx90c", "gfx1033", "gfx1035", "gfx1036", "gfx1037",
              "gfx1103", "gfx1150", "gfx1151", "gfx1152")  # fmt: skip

NO_GPU = re.compile(
    r"Audio|HDMI|USB|UCSI|Bridge|Switch|Root|Host|Function|PCIe|Serial|SMBus|IOMMU|Ethernet|Sound"
    r"|Controller|Cryptographic|Coprocessor|Architecture|DRAM|Engineering Sample|\bES\b|QS"
)
NVIDIA_CHIP = re.compile(r"(GK|GM|GP|GV|TU|GA|AD|GH|GB)\d\w\w")
INTEL_GPU = re.compile(
    r"\bArc\b|Iris|UHD Graphics|HD Graphics|DG1|Data Center GPU|Ponte|Battlemage|Intel Graphics"
)
INTEL_CARD = re.compile("DG1|DG2|ATS-M|Ponte|Battlemage")


def devices(text: str, vendor: str) -> Iterator[tuple[str, str]]:
    """(device number, name) of a vendor's devices."""
    block = re.search(rf"(?m)^{vendor}  .*\n((?:[\t#].*\n)+)", text)
    for line in block[1].splitlines() if block else ():
        match = re.match(r"\t([0-9a-f]{4})  (.*)", line)
        if match and not NO_GPU.search(match[2].partition("[")[0]):
            yield match[1], match[2].strip()


def marketing(name: str) -> str | None:
    """What stands in brackets at the end of a name."""
    match = re.search(r"\[([^\]]+)\]$", name)
    return match[1].strip() if match else None


def nvidia(text: str, source: str) -> Iterator[str]:
    """Lines of nvidia.toml."""
    yield "# NVIDIA GPUs from Kepler on by PCI device id (10de): name and compute capability."
    yield f"source = {json.dumps(source)}"
    yield 'capabilities = "developer.nvidia.com/cuda-gpus"'
    yield "\n[devices]"
    for device, name in devices(text, "10de"):
        if NVIDIA_CHIP.match(name) and marketing(name):
            value = next((value for chip, value in CAPABILITIES if re.match(chip, name)), "")
            yield f'"{device}" = {json.dumps([marketing(name), value])}'


def amd(text: str, source: str) -> Iterator[str]:
    """Lines of amd.toml."""
    yield "# AMD GPUs from GCN 2 on by PCI device id (vendor 1002): name and LLVM target."
    yield f"source = {json.dumps(source)}"
    yield "\n[targets]"
    yield 'source = "LLVM User Guide for AMDGPU Backend, section Processors"'
    yield f"integrated = {json.dumps(INTEGRATED)}"
    yield "\n[devices]"
    for device, name in devices(text, "1002"):
        target = next((target for chip, target in TARGETS if re.search(chip, name)), None)
        if target:
            yield f'"{device}" = {json.dumps([marketing(name) or name, target])}'


def intel(text: str, source: str) -> Iterator[str]:
    """Lines of intel.toml."""
    rows = [(device, name) for device, name in devices(text, "8086") if INTEL_GPU.search(name)]
    cards = [device for device, name in rows if INTEL_CARD.search(name)]
    yield "# Intel GPUs by PCI device id (vendor 8086)."
    yield f"source = {json.dumps(source)}"
    yield "\n# Cards of their own; all others are part of a processor."
    yield "discrete = ["
    for at in range(0, len(cards), 10):
        yield f"    {', '.join(json.dumps(card) for card in cards[at : at + 10])},"
    yield "]\n\n[names]"
    for device, name in rows:
        yield f'"{device}" = {json.dumps(marketing(name) or name)}'


def main(path: str, source: str) -> None:
    """Writes the three tables."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    for write in (nvidia, amd, intel):
        table = PROFILES / f"{write.__name__}.toml"
        table.write_text("\n".join(write(text, source)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
