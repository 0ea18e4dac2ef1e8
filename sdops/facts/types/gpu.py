"""The graphics processors and their drivers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PcieLink:
    """A PCIe link, now and at best. At idle a card lowers both: never judge `now` at idle."""

    generation: int | None = None
    width: int | None = None
    max_generation: int | None = None
    max_width: int | None = None


@dataclass(frozen=True, slots=True)
class MemoryErrors:
    """ECC and row-remapping counters of a card that has them (NVML)."""

    ecc_enabled: bool | None = None
    uncorrected_since_boot: int | None = None
    uncorrected_lifetime: int | None = None
    corrected_lifetime: int | None = None
    remapped_rows_correctable: int | None = None
    remapped_rows_uncorrectable: int | None = None
    remap_pending: bool | None = None
    remap_failed: bool | None = None
    retired_pages_pending: bool | None = None
    inforom_valid: bool | None = None


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds memory on a GPU."""

    pid: int
    name: str | None
    vram_bytes: int | None
    alive: bool | None = None
    """False for a process that is gone while the driver still holds its memory."""


@dataclass(frozen=True, slots=True)
class Xid:
    """An error that the NVIDIA kernel driver logged."""

    code: int
    message: str
    pci_bus: str | None = None
    age_s: float | None = None
    """Seconds since it was logged."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One graphics processor."""

    index: int
    """Its number among all GPUs of its vendor, as the vendor's driver counts them."""
    vendor: str
    """`nvidia`, `amd`, `intel`, `apple` or `other`."""
    name: str
    source: str
    """Who said so: `nvml`, `nvidia-smi`, `sysfs`, `kfd`, `cim` or `system_profiler`."""
    pci_id: str | None = None
    """`vendor:device` in hexadecimal, `10de:2684`."""
    pci_bus: str | None = None
    """`0000:01:00.0`."""
    uuid: str | None = None
    compute_capability: tuple[int, int] | None = None
    """NVIDIA only: (8, 9)."""
    gfx: str | None = None
    """AMD only: the LLVM target, `gfx1030`."""
    integrated: bool | None = None
    visible: bool = True
    """False when CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES or their like hide it."""
    vram_total_bytes: int | None = None
    vram_free_bytes: int | None = None
    temperature_c: int | None = None
    slowdown_temperature_c: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    power_limit_default_w: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    """NVML's clock event reasons now in force: `hw_slowdown`, `hw_thermal_slowdown`,
    `hw_power_brake`, `sw_thermal_slowdown`, `sw_power_cap`."""
    pcie: PcieLink | None = None
    memory_errors: MemoryErrors | None = None
    recovery_action: str | None = None
    """What the driver asks for: `none`, `reset`, `reboot`, `drain_p2p`, `drain_and_reset`."""
    persistence_mode: bool | None = None
    compute_mode: str | None = None
    """`default`, `exclusive_process` or `prohibited`."""
    mig: bool | None = None
    display_attached: bool | None = None
    processes: tuple[GpuProcess, ...] = ()
    lost: bool = False
    """The driver lists it but says that it has fallen off the bus or needs a reset."""


@dataclass(frozen=True, slots=True)
class Driver:
    """A GPU driver."""

    vendor: str
    name: str
    """`nvidia`, `nouveau`, `amdgpu`, `i915`, `xe`, …"""
    version: str | None = None
    cuda: str | None = None
    """NVIDIA: the newest CUDA version that this driver supports, `12.4`."""
    rocm: str | None = None
    """AMD: the ROCm version installed."""
    loaded: bool | None = None
    """Whether the kernel has it loaded."""
    device_nodes: tuple[str, ...] = ()
    """The device files of this driver that exist: `/dev/nvidia0`, `/dev/nvidia-uvm`, `/dev/kfd`."""
    denied_nodes: tuple[str, ...] = ()
    """Those of them that this user may not open."""
    fault: str | None = None
    """What the driver's own library says is wrong, in its words, such as
    `Driver/library version mismatch`."""
