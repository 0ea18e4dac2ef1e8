"""GPUs as Windows lists them: CIM for what is there, the registry for its memory."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdops.facts.gpu.names import VENDORS, look_up
from sdops.facts.tree import REAL
from sdops.facts.types import Driver, Gpu
from sdops.programs.process import ProbeError, program, run

TIMEOUT_S = 8.0
"""A cold PowerShell takes a few seconds."""

_DISPLAY_CLASS = (
    r"HKLM:\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}\0*"
)
"""The display adapters' class (learn.microsoft.com, "System-Defined Device Setup Classes")."""
_SCRIPT = (
    "$c = @(Get-CimInstance Win32_VideoController | Select-Object Name,PNPDeviceID,AdapterRAM,"
    "DriverVersion,ConfigManagerErrorCode,CurrentHorizontalResolution);"
    f"$m = @(Get-ItemProperty '{_DISPLAY_CLASS}' -ErrorAction SilentlyContinue | Select-Object "
    "MatchingDeviceId,DriverVersion,@{n='Memory';e={$_.'HardwareInformation.qwMemorySize'}});"
    "[Console]::OutputEncoding = [Text.Encoding]::UTF8;"
    "ConvertTo-Json -Compress -Depth 3 @{controllers=$c;adapters=$m}"
)
_ADAPTER_RAM_LIMIT = 0xFFF0_0000
"""Win32_VideoController.AdapterRAM has 32 bits: near 4 GiB it means "at least"."""


@dataclass(frozen=True, slots=True)
class WindowsGpus:
    """What Windows lists."""

    gpus: tuple[Gpu, ...]
    drivers: tuple[Driver, ...]


def read() -> WindowsGpus:
    """Asks CIM through PowerShell.

    Raises:
        ProbeError: PowerShell is missing, does not answer, or answers something unexpected.
    """
    argv = [program("powershell.exe"), "-NoProfile", "-NonInteractive", "-Command", _SCRIPT]
    output = run(argv, timeout_s=TIMEOUT_S)
    try:
        return interpret(output.stdout)
    except ProbeError as error:
        said = next(iter((output.stderr or output.stdout).split("\n")), "").strip()
        raise ProbeError(f"{error}: {said[:200] or 'nothing'} ({argv[0]})") from None


def interpret(text: str) -> WindowsGpus:
    """The GPUs in the JSON that our PowerShell script prints.

    Raises:
        ProbeError: it is not that JSON.
    """
    try:
        document = json.loads(text.lstrip("\ufeff"))
        controllers = [row for row in document["controllers"] or () if isinstance(row, dict)]
        adapters = [row for row in document["adapters"] or () if isinstance(row, dict)]
    except (ValueError, KeyError, TypeError):
        raise ProbeError("PowerShell printed something unexpected") from None
    gpus: list[Gpu] = []
    drivers: dict[str, Driver] = {}
    for row in controllers:
        pci_id = _pci_id(str(row.get("PNPDeviceID") or ""))
        if pci_id is None:
            continue  # a remote desktop's or a virtual machine's display
        vendor = VENDORS[pci_id.partition(":")[0]]
        index = sum(gpu.vendor == vendor for gpu in gpus)
        gpus.append(_gpu(row, index, vendor, pci_id, adapters))
        drivers.setdefault(vendor, _driver(row, vendor))
    return WindowsGpus(tuple(gpus), tuple(drivers.values()))


def _pci_id(device: str) -> str | None:
    match = re.search(r"(?i)VEN_([0-9a-f]{4})&DEV_([0-9a-f]{4})", device)
    if match is None or match[1].lower() not in VENDORS:
        return None
    return f"{match[1]}:{match[2]}".lower()


def _gpu(
    row: Mapping[str, Any], index: int, vendor: str, pci_id: str, adapters: list[dict[str, Any]]
) -> Gpu:
    known = look_up(pci_id, REAL)
    return Gpu(
        index=index,
        vendor=vendor,
        name=str(row.get("Name") or known.name),
        source="cim",
        pci_id=pci_id,
        compute_capability=known.compute_capability,
        gfx=known.gfx,
        integrated=known.integrated,
        vram_total_bytes=_memory(row, pci_id, adapters),
        display_attached=row.get("CurrentHorizontalResolution") is not None,
    )


def _memory(row: Mapping[str, Any], pci_id: str, adapters: list[dict[str, Any]]) -> int | None:
    for adapter in adapters:
        size = _number(adapter.get("Memory"))
        same = _pci_id(str(adapter.get("MatchingDeviceId") or "")) == pci_id
        if same and size:
            return size
    size = row.get("AdapterRAM")
    return size if isinstance(size, int) and 0 < size < _ADAPTER_RAM_LIMIT else None


def _number(value: Any) -> int | None:
    """A registry number, which some drivers write as eight bytes."""
    if isinstance(value, list) and len(value) == 8 and set(value) <= set(range(256)):
        return int.from_bytes(bytes(value), "little")
    return value if isinstance(value, int) else None


def _driver(row: Mapping[str, Any], vendor: str) -> Driver:
    version = str(row.get("DriverVersion") or "") or None
    code = row.get("ConfigManagerErrorCode")
    basic = "basic display" in str(row.get("Name") or "").lower()
    return Driver(
        vendor=vendor,
        name="basic display" if basic else vendor,
        version=nvidia_version(version) if vendor == "nvidia" and version else version,
        loaded=not basic and not code,
        fault=f"Device Manager reports code {code}" if code else None,
    )


def nvidia_version(windows_version: str) -> str:
    """`536.23` from `31.0.15.3623`: the last five digits are NVIDIA's own version.

    Source: NVIDIA Developer Forums and `nvidia-smi` beside Device Manager on any Windows driver.
    """
    digits = re.sub(r"\D", "", windows_version)
    return f"{digits[-5:-2]}.{digits[-2:]}" if len(digits) >= 7 else windows_version
