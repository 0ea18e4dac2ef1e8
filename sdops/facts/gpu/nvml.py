"""NVIDIA GPUs as NVIDIA's own management library (NVML) describes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sdops.facts.gpu.processes import identify
from sdops.facts.types import Driver, Gap, Gpu, GpuProcess, MemoryErrors, PcieLink
from sdops.programs.process import ProbeError, TimedOutError, run

TIMEOUT_S = 8.0
"""Without persistence mode each driver start takes a second or two."""

# Error codes of NVML (nvml.h, nvmlReturn_t).
NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND = 3, 6, 13
DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, CORRUPTED_INFOROM = 9, 12, 14
GPU_IS_LOST, RESET_REQUIRED, VERSION_MISMATCH = 15, 16, 18
_ABSENT = {NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND, 21, 25, 27}
"""The card or the driver does not have it: no gap. 21 no data, 25 other version, 27 not ready."""

_THROTTLE_REASONS = {0x04: "sw_power_cap", 0x08: "hw_slowdown", 0x20: "sw_thermal_slowdown",
                     0x40: "hw_thermal_slowdown", 0x80: "hw_power_brake"}  # fmt: skip
"""nvml.h, nvmlClocksEventReasons."""
_RECOVERY_ACTIONS = ("none", "reset", "reboot", "drain_p2p", "drain_and_reset",
                     "recover_imex_domain", "bus_reset", "reboot")  # fmt: skip
"""nvml.h, nvmlDeviceGpuRecoveryAction_t."""
_COMPUTE_MODES = ("default", "exclusive_thread", "prohibited", "exclusive_process")


@dataclass(frozen=True, slots=True)
class Error:
    """What a call failed with."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of NVML to one subject (the driver, or one GPU)."""

    values: Mapping[str, Any]
    errors: Mapping[str, Error]

    def integer(self, call: str) -> int | None:
        """A whole number, or None where there is none."""
        value = self.values.get(call)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, call: str) -> bool | None:
        """An enabled-state, or None."""
        value = self.integer(call)
        return None if value is None else bool(value)

    def watts(self, call: str) -> float | None:
        """Milliwatts as watts, or None."""
        value = self.integer(call)
        return None if value is None else value / 1000

    def part(self, call: str, key: str) -> Any:
        """One entry of an answer with several, or None."""
        value = self.values.get(call)
        return value.get(key) if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True)
class Nvml:
    """What NVML reported."""

    gpus: tuple[Gpu, ...] = ()
    driver: Driver | None = None
    gaps: tuple[Gap, ...] = ()
    answered: bool = False
    """Whether the library could be loaded and said anything at all, be it an error."""
    library_missing: bool = False


def read() -> Nvml:
    """Asks NVML in a process of its own, and keeps what it said before any hang or crash."""
    spec = find_spec("pynvml")
    if spec is None or spec.origin is None:
        return Nvml(gaps=(Gap("gpu.nvml", "the Python module pynvml is not installed"),))
    reader = Path(__file__).with_name("nvml_reader.py")
    argv = [sys.executable, "-I", "-S", str(reader), str(Path(spec.origin).parent)]
    fault = None
    try:
        output = run(argv, timeout_s=TIMEOUT_S)
        text = output.stdout
        if output.returncode != 0:
            last = (output.stderr.strip().splitlines() or [""])[-1]
            fault = f"NVML ended with status {output.returncode} {last}".strip()
    except TimedOutError as error:
        text, fault = error.stdout, f"NVML did not answer within {TIMEOUT_S:g} s"
    except ProbeError as error:
        text, fault = "", str(error)
    return interpret(text, fault)


def interpret(text: str, fault: str | None = None) -> Nvml:
    """The facts in what `nvml_reader` printed.

    Args:
        text: its lines.
        fault: why there are no more of them, if it did not end by itself.
    """
    subjects = _subjects(text)
    system = subjects.pop(None, Answers({}, {}))
    gaps = [Gap("gpu.nvml", fault)] if fault else []
    failed = system.errors.get("init")
    if failed is not None:
        gaps.append(Gap("gpu.nvml", failed.text))
        return Nvml((), _faulty_driver(failed), tuple(gaps), True, failed.code == LIBRARY_NOT_FOUND)
    if "init" not in system.values:
        return Nvml(gaps=tuple(gaps))
    gaps += _gaps("gpu.nvml.driver", system)
    for index, answers in subjects.items():
        gaps += _gaps(f"gpu.nvml.{index}", answers)
    gpus = tuple(_gpu(index, answers) for index, answers in subjects.items() if index is not None)
    cuda = system.integer("cuda")
    driver = Driver(
        "nvidia",
        "nvidia",
        version=system.values.get("driver"),
        cuda=None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}",
        loaded=True,
    )
    return Nvml(gpus, driver, tuple(gaps), True)


def _subjects(text: str) -> dict[int | None, Answers]:
    values: dict[int | None, dict[str, Any]] = {}
    errors: dict[int | None, dict[str, Error]] = {}
    for raw in text.splitlines():
        try:
            line = json.loads(raw)
            subject, call = line["gpu"], str(line["call"])
        except (ValueError, KeyError, TypeError):
            continue  # half a line before a crash
        values.setdefault(subject, {})
        errors.setdefault(subject, {})
        if "error" in line:
            errors[subject][call] = Error(line["error"], str(line["text"]))
        else:
            values[subject][call] = line.get("value")
    return {subject: Answers(values[subject], errors[subject]) for subject in values}


def _faulty_driver(error: Error) -> Driver | None:
    if error.code == LIBRARY_NOT_FOUND:
        return None
    loaded = {DRIVER_NOT_LOADED: False, VERSION_MISMATCH: True}.get(error.code or 0)
    return Driver("nvidia", "nvidia", loaded=loaded, fault=error.text)


def _gaps(fact: str, answers: Answers) -> list[Gap]:
    """One gap for each thing said, naming the calls that it was the answer to."""
    calls: dict[str, list[str]] = {}
    for call, error in answers.errors.items():
        if error.code not in _ABSENT and not (call == "inforom" and _is_corrupt(error)):
            calls.setdefault(error.text, []).append(call)
    return [Gap(fact, f"{text} ({_short(names)})") for text, names in calls.items()]


def _short(names: list[str]) -> str:
    more = len(names) - 3
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:3])} and {more} more"


def _gpu(index: int, answers: Answers) -> Gpu:
    capability = answers.values.get("compute_capability")
    bus = answers.part("pci", "bus")
    memory_total, memory_free = answers.part("memory", "total"), answers.part("memory", "free")
    throttle = answers.integer("throttle") or 0
    lost = {error.code for error in answers.errors.values()} & {GPU_IS_LOST, RESET_REQUIRED}
    display = (answers.flag("display_active"), answers.flag("display_mode"))
    return Gpu(
        index=index,
        vendor="nvidia",
        name=str(answers.values.get("name") or "NVIDIA GPU"),
        source="nvml",
        pci_id=answers.part("pci", "id"),
        pci_bus=None if bus is None else normalize_bus(bus),
        uuid=answers.values.get("uuid"),
        compute_capability=None if capability is None else (capability[0], capability[1]),
        vram_total_bytes=memory_total,
        vram_free_bytes=memory_free,
        temperature_c=answers.integer("temperature"),
        slowdown_temperature_c=answers.integer("slowdown_temperature"),
        power_w=answers.watts("power"),
        power_limit_w=answers.watts("power_limit"),
        power_limit_default_w=answers.watts("power_limit_default"),
        throttle_reasons=tuple(name for bit, name in _THROTTLE_REASONS.items() if throttle & bit),
        pcie=_pcie(answers),
        memory_errors=_memory_errors(answers),
        recovery_action=_named(_RECOVERY_ACTIONS, answers.integer("recovery_action")),
        persistence_mode=answers.flag("persistence"),
        compute_mode=_named(_COMPUTE_MODES, answers.integer("compute_mode")),
        mig=answers.flag("mig"),
        display_attached=None if display == (None, None) else any(display),
        processes=_processes(answers),
        lost=bool(lost),
    )


def _named(names: tuple[str, ...], number: int | None) -> str | None:
    return None if number is None or not 0 <= number < len(names) else names[number]


def _pcie(answers: Answers) -> PcieLink | None:
    calls = ("pcie_generation", "pcie_width", "pcie_max_generation", "pcie_max_width")
    link = PcieLink(*(answers.integer(call) for call in calls))
    return None if link == PcieLink() else link


def _memory_errors(answers: Answers) -> MemoryErrors | None:
    rows = answers.values.get("remapped_rows") or [None] * 4
    errors = MemoryErrors(
        ecc_enabled=answers.flag("ecc"),
        uncorrected_since_boot=answers.integer("uncorrected_since_boot"),
        uncorrected_lifetime=answers.integer("uncorrected_lifetime"),
        corrected_lifetime=answers.integer("corrected_lifetime"),
        remapped_rows_correctable=rows[0],
        remapped_rows_uncorrectable=rows[1],
        remap_pending=None if rows[2] is None else bool(rows[2]),
        remap_failed=None if rows[3] is None else bool(rows[3]),
        retired_pages_pending=answers.flag("retired_pages_pending"),
        inforom_valid=_inforom_valid(answers),
    )
    return None if errors == MemoryErrors() else errors


def _inforom_valid(answers: Answers) -> bool | None:
    error = answers.errors.get("inforom")
    if error is not None:
        return False if _is_corrupt(error) else None
    return True if "inforom" in answers.values else None


def _is_corrupt(error: Error) -> bool:
    return error.code == CORRUPTED_INFOROM


def _processes(answers: Answers) -> tuple[GpuProcess, ...]:
    held: dict[int, tuple[str | None, int | None]] = {}
    for call in ("compute_processes", "graphics_processes"):
        for process in answers.values.get(call) or ():
            held.setdefault(process["pid"], (process["name"], process["bytes"]))
    return tuple(identify(pid, name, size) for pid, (name, size) in sorted(held.items()))


def normalize_bus(bus: str) -> str:
    """`00000000:01:00.0`, as NVML and nvidia-smi write it, as `0000:01:00.0`."""
    domain, _, rest = bus.lower().partition(":")
    return f"{domain[-4:].zfill(4)}:{rest}"
