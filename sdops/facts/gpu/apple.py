"""The GPUs of a Mac, from `system_profiler`."""

from __future__ import annotations

import json
import re

from sdops.facts.types import Gpu
from sdops.programs.process import ProbeError, program, run

TIMEOUT_S = 8.0
_UNITS = {"MB": 1024**2, "GB": 1024**3}


def read() -> tuple[Gpu, ...]:
    """Asks system_profiler.

    Raises:
        ProbeError: it is missing, does not answer, or answers something unexpected.
    """
    argv = [program("system_profiler"), "-json", "SPDisplaysDataType"]
    return interpret(run(argv, timeout_s=TIMEOUT_S).stdout)


def interpret(text: str) -> tuple[Gpu, ...]:
    """The GPUs in the JSON of `system_profiler -json SPDisplaysDataType`.

    Raises:
        ProbeError: it is not that JSON.
    """
    try:
        rows = [row for row in json.loads(text)["SPDisplaysDataType"] if isinstance(row, dict)]
    except (ValueError, KeyError, TypeError):
        raise ProbeError("system_profiler printed something unexpected") from None
    gpus: list[Gpu] = []
    for row in rows:
        name = str(row.get("sppci_model") or row.get("_name") or "GPU")
        vendor = _vendor(f"{row.get('spdisplays_vendor', '')} {name}")
        index = sum(gpu.vendor == vendor for gpu in gpus)
        memory = str(row.get("spdisplays_vram") or row.get("_spdisplays_vram") or "")
        integrated = vendor == "apple" or "spdisplays_vram_shared" in row
        gpus.append(
            Gpu(
                index=index,
                vendor=vendor,
                name=name,
                source="system_profiler",
                pci_id=_pci_id(row),
                integrated=integrated,
                vram_total_bytes=_bytes(memory),
                display_attached=bool(row.get("spdisplays_ndrvs")),
            )
        )
    return tuple(gpus)


def _vendor(text: str) -> str:
    names = ("apple", "amd", "intel", "nvidia")
    vendor = next((name for name in names if name in text.lower()), "other")
    return "amd" if vendor == "other" and "radeon" in text.lower() else vendor


def _pci_id(row: dict[str, object]) -> str | None:
    vendor = re.search(r"0x([0-9a-fA-F]{4})", str(row.get("spdisplays_vendor-id") or ""))
    vendor = vendor or re.search(r"\(0x([0-9a-fA-F]{4})\)", str(row.get("spdisplays_vendor") or ""))
    device = re.search(r"0x([0-9a-fA-F]{4})", str(row.get("spdisplays_device-id") or ""))
    return f"{vendor[1]}:{device[1]}".lower() if vendor and device else None


def _bytes(text: str) -> int | None:
    match = re.match(r"(\d+)\s*([MG]B)", text)
    return int(match[1]) * _UNITS[match[2]] if match else None
