"""What an NVIDIA GPU says of itself while it works: clock, temperature, power, slowing down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from sdops.bench.device import Device

THROTTLES = {
    0x04: "sw_power_cap",
    0x08: "hw_slowdown",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake",
}
"""nvml.h, nvmlClocksEventReasons."""
HARMFUL = frozenset({"hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake"})
"""Those that say that cooling or power supply is not enough."""


class Watch:
    """Looks at a GPU through NVML; sees nothing of other devices, or without NVML.

    Args:
        device: what to watch.
    """

    def __init__(self, device: Device) -> None:
        self._clocks: list[int] = []
        self._temperatures: list[int] = []
        self._watts: list[float] = []
        self._reasons: set[str] = set()
        self._nvml, self._handle = _open(device)
        self.driver = self._ask(lambda nvml: nvml.nvmlSystemGetDriverVersion())

    def look(self) -> None:
        """Note what it says now; call it while the GPU is busy."""
        nvml, handle = self._nvml, self._handle
        if nvml is None:
            return
        clock = self._ask(lambda n: n.nvmlDeviceGetClockInfo(handle, n.NVML_CLOCK_SM))
        heat = self._ask(lambda n: n.nvmlDeviceGetTemperature(handle, n.NVML_TEMPERATURE_GPU))
        power = self._ask(lambda n: n.nvmlDeviceGetPowerUsage(handle))
        reasons = self._ask(lambda n: n.nvmlDeviceGetCurrentClocksThrottleReasons(handle)) or 0
        self._clocks += [clock] if clock is not None else []
        self._temperatures += [heat] if heat is not None else []
        self._watts += [power / 1000] if power is not None else []
        self._reasons |= {name for bit, name in THROTTLES.items() if reasons & bit}

    def seen(self) -> dict[str, Any]:
        """Everything noted, JSON-able; None where nothing was."""
        return {
            "clock_mhz_lowest": min(self._clocks, default=None),
            "clock_mhz_highest": max(self._clocks, default=None),
            "temperature_c_highest": max(self._temperatures, default=None),
            "power_w_highest": max(self._watts, default=None),
            "throttle_reasons": sorted(self._reasons),
        }

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        if self._nvml is None:
            return None
        try:
            return question(self._nvml)
        except self._nvml.NVMLError:
            return None


def _open(device: Device) -> tuple[Any, Any]:
    if device.kind != "cuda" or torch.version.hip:
        return None, None
    import pynvml

    try:
        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device.name).uuid}"
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(uuid)
    except pynvml.NVMLError:
        return None, None
