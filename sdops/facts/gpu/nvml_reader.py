"""Asks NVIDIA's management library everything; run as a program of its own.

The library may hang or crash on a sick GPU, so it is never loaded into sdops itself. Each answer
is printed at once as one line of JSON, so that whoever waits keeps what came before the hang:

    {"gpu": 0, "call": "name", "value": "NVIDIA GeForce RTX 4090"}
    {"gpu": 0, "call": "temperature", "error": 15, "text": "GPU is lost"}

`gpu` is null for questions to the driver. Usage: nvml_reader.py FOLDER_THAT_HOLDS_PYNVML
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

MAX_GPUS = 64
FUNCTION_NOT_FOUND = 13
"""NVML_ERROR_FUNCTION_NOT_FOUND of nvml.h."""
RECOVERY_ACTION = 230
"""NVML_FI_DEV_GET_GPU_RECOVERY_ACTION of nvml.h, which pynvml before 12.570 does not name."""


def main(folder: str) -> None:
    """Asks, with the `pynvml` of `folder`, and prints the answers."""
    sys.path.append(folder)
    import pynvml

    if not _ask(pynvml, None, "init", pynvml.nvmlInit):
        return
    for call, ask_driver in DRIVER_CALLS.items():
        _ask(pynvml, None, call, partial(ask_driver, pynvml))
    count = _ask(pynvml, None, "count", pynvml.nvmlDeviceGetCount)
    for index in range(min(count.value if count else 0, MAX_GPUS)):
        handle = _ask(pynvml, index, "handle", partial(_Handle, pynvml, index))
        if handle:
            for call, ask_gpu in GPU_CALLS.items():
                _ask(pynvml, index, call, partial(ask_gpu, pynvml, handle.value.gpu))


class _Handle:
    """A device's handle; it has no value that could be printed."""

    def __init__(self, nvml: Any, index: int) -> None:
        self.gpu = nvml.nvmlDeviceGetHandleByIndex(index)


class _Answer:
    def __init__(self, value: Any) -> None:
        self.value = value


def _ask(nvml: Any, gpu: int | None, call: str, ask: Callable[[], Any]) -> _Answer | None:
    line: dict[str, Any] = {"gpu": gpu, "call": call}
    answer = None
    try:
        answer = _Answer(ask())
        line["value"] = None if isinstance(answer.value, _Handle) else answer.value
    except nvml.NVMLError as error:
        line |= {"error": error.value, "text": _text(nvml, error)}
    except AttributeError as error:  # a pynvml that is older or newer than this call
        line |= {"error": FUNCTION_NOT_FOUND, "text": str(error)}
    except Exception as error:  # a library with other structures
        line |= {"error": None, "text": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()
    return answer


def _text(nvml: Any, error: Any) -> str:
    try:
        return str(nvml.nvmlErrorString(error.value))
    except Exception:  # the library could not even be loaded
        return str(error)


def _pci(info: Any) -> dict[str, str]:
    bus = info.busId.decode() if isinstance(info.busId, bytes) else str(info.busId)
    device = info.pciDeviceId  # device in the upper 16 bits, vendor in the lower
    return {"bus": bus, "id": f"{device & 0xFFFF:04x}:{device >> 16:04x}"}


def _memory(info: Any) -> dict[str, int]:
    return {"total": info.total, "free": info.free}


def _field(nvml: Any, gpu: Any, field: int) -> int:
    (value,) = nvml.nvmlDeviceGetFieldValues(gpu, [field])
    if value.nvmlReturn != nvml.NVML_SUCCESS:
        raise nvml.NVMLError(value.nvmlReturn)
    return int(value.value.uiVal)


def _throttle(nvml: Any, gpu: Any) -> int:
    try:
        return int(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu))
    except (AttributeError, nvml.NVMLError_FunctionNotFound):  # drivers before 535
        return int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu))


def _temperature(nvml: Any, gpu: Any) -> int:
    try:
        return int(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU))
    except (AttributeError, nvml.NVMLError_FunctionNotFound):  # gone with CUDA 14
        return int(nvml.nvmlDeviceGetTemperatureV(gpu, nvml.NVML_TEMPERATURE_GPU))


def _processes(nvml: Any, processes: Any) -> list[dict[str, Any]]:
    return [
        {"pid": process.pid, "bytes": process.usedGpuMemory, "name": _name(nvml, process.pid)}
        for process in processes
    ]


def _name(nvml: Any, pid: int) -> str | None:
    try:
        return str(nvml.nvmlSystemGetProcessName(pid))
    except nvml.NVMLError:
        return None


DRIVER_CALLS: dict[str, Callable[[Any], Any]] = {
    "driver": lambda nvml: nvml.nvmlSystemGetDriverVersion(),
    "cuda": lambda nvml: nvml.nvmlSystemGetCudaDriverVersion_v2(),
}

GPU_CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "name": lambda nvml, gpu: nvml.nvmlDeviceGetName(gpu),
    "uuid": lambda nvml, gpu: nvml.nvmlDeviceGetUUID(gpu),
    "pci": lambda nvml, gpu: _pci(nvml.nvmlDeviceGetPciInfo(gpu)),
    "compute_capability": lambda nvml, gpu: nvml.nvmlDeviceGetCudaComputeCapability(gpu),
    "memory": lambda nvml, gpu: _memory(nvml.nvmlDeviceGetMemoryInfo(gpu)),
    "recovery_action": lambda nvml, gpu: _field(nvml, gpu, RECOVERY_ACTION),
    "temperature": _temperature,
    "slowdown_temperature": lambda nvml, gpu: nvml.nvmlDeviceGetTemperatureThreshold(
        gpu, nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
    ),
    "power": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu),
    "power_limit": lambda nvml, gpu: nvml.nvmlDeviceGetEnforcedPowerLimit(gpu),
    "power_limit_default": lambda nvml, gpu: nvml.nvmlDeviceGetPowerManagementDefaultLimit(gpu),
    "throttle": _throttle,
    "pcie_generation": lambda nvml, gpu: nvml.nvmlDeviceGetCurrPcieLinkGeneration(gpu),
    "pcie_width": lambda nvml, gpu: nvml.nvmlDeviceGetCurrPcieLinkWidth(gpu),
    "pcie_max_generation": lambda nvml, gpu: nvml.nvmlDeviceGetMaxPcieLinkGeneration(gpu),
    "pcie_max_width": lambda nvml, gpu: nvml.nvmlDeviceGetMaxPcieLinkWidth(gpu),
    "ecc": lambda nvml, gpu: nvml.nvmlDeviceGetEccMode(gpu)[0],
    "uncorrected_since_boot": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEccErrors(
        gpu, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
    ),
    "uncorrected_lifetime": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEccErrors(
        gpu, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_AGGREGATE_ECC
    ),
    "corrected_lifetime": lambda nvml, gpu: nvml.nvmlDeviceGetTotalEccErrors(
        gpu, nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED, nvml.NVML_AGGREGATE_ECC
    ),
    "remapped_rows": lambda nvml, gpu: nvml.nvmlDeviceGetRemappedRows(gpu),
    "retired_pages_pending": lambda nvml, gpu: nvml.nvmlDeviceGetRetiredPagesPendingStatus(gpu),
    "inforom": lambda nvml, gpu: nvml.nvmlDeviceValidateInforom(gpu),
    "persistence": lambda nvml, gpu: nvml.nvmlDeviceGetPersistenceMode(gpu),
    "compute_mode": lambda nvml, gpu: nvml.nvmlDeviceGetComputeMode(gpu),
    "mig": lambda nvml, gpu: nvml.nvmlDeviceGetMigMode(gpu)[0],
    "display_active": lambda nvml, gpu: nvml.nvmlDeviceGetDisplayActive(gpu),
    "display_mode": lambda nvml, gpu: nvml.nvmlDeviceGetDisplayMode(gpu),
    "compute_processes": lambda nvml, gpu: _processes(
        nvml, nvml.nvmlDeviceGetComputeRunningProcesses(gpu)
    ),
    "graphics_processes": lambda nvml, gpu: _processes(
        nvml, nvml.nvmlDeviceGetGraphicsRunningProcesses(gpu)
    ),
}

if __name__ == "__main__":
    main(sys.argv[1])
