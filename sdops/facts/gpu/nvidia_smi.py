"""NVIDIA GPUs through `nvidia-smi`, for when its library cannot be asked directly."""

from __future__ import annotations

import csv
import re
import time
from dataclasses import dataclass

from sdops.facts.gpu.nvml import normalize_bus
from sdops.facts.types import Driver, Gap, Gpu
from sdops.programs.process import ProbeError, program, run

_MEBIBYTE = 1024 * 1024
_FIELDS = ("index", "name", "uuid", "pci.bus_id", "pci.device_id", "driver_version", "memory.total",
           "memory.free", "temperature.gpu", "power.draw", "power.limit")  # fmt: skip
_NEWER_FIELDS = (*_FIELDS, "compute_cap")
"""nvidia-smi before driver 510 refuses the whole question for `compute_cap`."""


@dataclass(frozen=True, slots=True)
class NvidiaSmi:
    """What nvidia-smi reported."""

    gpus: tuple[Gpu, ...] = ()
    driver: Driver | None = None
    gaps: tuple[Gap, ...] = ()


def read(limit_s: float) -> NvidiaSmi:
    """Asks the installed nvidia-smi; without one, nothing is known and that is no gap.

    Args:
        limit_s: seconds that all of it may take.
    """
    deadline = time.monotonic() + limit_s
    try:
        path = program("nvidia-smi")
    except ProbeError:
        return NvidiaSmi()
    try:
        table = _query(path, _NEWER_FIELDS, deadline) or _query(path, _FIELDS, deadline)
        banner = run([path], timeout_s=_left(deadline)).stdout if table else ""
    except ProbeError as error:
        return NvidiaSmi(gaps=(Gap("gpu.nvidia-smi", str(error)),))
    return interpret(table, banner)


def _left(deadline: float) -> float:
    return max(round(deadline - time.monotonic(), 1), 0.5)


def _query(path: str, fields: tuple[str, ...], deadline: float) -> str:
    argv = [path, f"--query-gpu={','.join(fields)}", "--format=csv,nounits"]
    output = run(argv, timeout_s=_left(deadline))
    if output.returncode != 0 and "not a valid field" not in output.stdout + output.stderr:
        said = (output.stdout.strip() or output.stderr.strip()).splitlines()
        raise ProbeError(f"nvidia-smi: {said[0][:200] if said else 'failed without a word'}")
    return output.stdout if output.returncode == 0 else ""


def interpret(table: str, banner: str) -> NvidiaSmi:
    """The GPUs in the CSV of `--query-gpu`, and the driver of the plain call's banner."""
    rows = _rows(table)
    header = [cell.partition(" ")[0] for cell in rows[0]] if rows else []
    if not {"index", "name"} <= set(header):
        return NvidiaSmi(gaps=(Gap("gpu.nvidia-smi", "nvidia-smi printed something unexpected"),))
    gpus, driver = [], None
    for cells in rows[1:]:
        row = dict(zip(header, cells, strict=False))
        if row.get("index", "").isdecimal() and row.get("name"):
            gpus.append(_gpu(row))
            driver = driver or row.get("driver_version")
    cuda = re.search(r"CUDA(?: UMD)? Version:\s*([\d.]+)", banner)
    known = Driver("nvidia", "nvidia", version=driver, cuda=cuda[1] if cuda else None, loaded=True)
    if not gpus:
        return NvidiaSmi(gaps=(Gap("gpu.nvidia-smi", "nvidia-smi lists no GPU"),))
    return NvidiaSmi(tuple(gpus), known)


def _rows(table: str) -> list[list[str]]:
    lines = table.replace("\0", "").splitlines()
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines)]
    except csv.Error:  # a cell of more than 128 KiB
        return []


def _gpu(row: dict[str, str]) -> Gpu:
    capability = re.fullmatch(r"(\d+)\.(\d+)", row.get("compute_cap", ""))
    device = re.fullmatch(r"0x([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})", row.get("pci.device_id", ""))
    bus = row.get("pci.bus_id", "")
    temperature = _number(row.get("temperature.gpu"))
    return Gpu(
        index=int(row["index"]),
        vendor="nvidia",
        name=row["name"],
        source="nvidia-smi",
        pci_id=f"{device[2]}:{device[1]}".lower() if device else None,
        pci_bus=normalize_bus(bus) if re.fullmatch(r"[0-9A-Fa-f:]+\.\d", bus) else None,
        uuid=row.get("uuid") or None,
        compute_capability=(int(capability[1]), int(capability[2])) if capability else None,
        vram_total_bytes=_bytes(row.get("memory.total")),
        vram_free_bytes=_bytes(row.get("memory.free")),
        temperature_c=None if temperature is None else int(temperature),
        power_w=_number(row.get("power.draw")),
        power_limit_w=_number(row.get("power.limit")),
        lost="GPU is lost" in row["name"] or "[Unknown Error]" in row.get("memory.total", ""),
    )


def _number(cell: str | None) -> float | None:
    try:
        return float(cell or "")
    except ValueError:
        return None  # [N/A], [Not Supported]


def _bytes(cell: str | None) -> int | None:
    mebibytes = _number(cell)
    return None if mebibytes is None else int(mebibytes * _MEBIBYTE)
