"""Which NVIDIA driver a CUDA version needs, and which CUDA versions a driver or card can reach."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache

from packaging.version import InvalidVersion, Version

from sdops.facts.types import Driver, Host
from sdops.profile import load

PROFILE = "cuda_drivers"


class Standing(Enum):
    """How a driver stands to a CUDA version."""

    PAIRED = "paired"
    """It came out with this CUDA, or later."""
    COMPATIBLE = "compatible"
    """Older, but of the same CUDA major: programs start, and most things work."""
    TOO_OLD = "too-old"
    """Programs built with this CUDA cannot use the GPU at all."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DriverNeed:
    """What one CUDA version asks of the driver on one operating system."""

    cuda: str
    """`12.8`."""
    floor: str
    """Older drivers cannot run programs built with it at all."""
    paired: str | None
    """The driver that came out with it; with older ones most things work. None: unknown."""


@dataclass(frozen=True, slots=True)
class DriverCap:
    """Where driver support for one generation of GPUs ends."""

    generation: str
    last_driver: str
    """The last driver branch, `470`."""
    dropped_from: str
    """The first driver branch that ignores these GPUs, `495`."""
    newest_cuda: str
    """The newest CUDA that still makes code for these GPUs and that their drivers can run."""


def driver_os(host: Host) -> str:
    """Whose driver versions count: under WSL the driver is the Windows one."""
    return "windows" if host.wsl else host.os


def need(cuda: str, os: str) -> DriverNeed | None:
    """What CUDA `cuda` asks on `os` (`linux` or `windows`); None for a major not in the table.

    For a minor version that is not in the table, the floor is that of its major and `paired`
    is None.
    """
    version = _release(cuda)
    if version is None or os not in ("linux", "windows"):
        return None
    known = _needs(os)
    if version in known:
        return known[version]
    same_major = [item for key, item in known.items() if key[0] == version[0]]
    return DriverNeed(cuda, same_major[-1].floor, None) if same_major else None


def standing(driver: Driver | None, cuda: str, os: str) -> Standing:
    """How `driver` stands to programs built with CUDA `cuda`."""
    wanted = need(cuda, os)
    if driver is None or driver.version is None or wanted is None:
        return Standing.UNKNOWN
    if driver.cuda is not None and not older(driver.cuda, cuda):
        return Standing.PAIRED  # its own word; also with NVIDIA's compatibility libraries
    if older(driver.version, wanted.floor):
        return Standing.TOO_OLD
    late_enough = wanted.paired is not None and not older(driver.version, wanted.paired)
    return Standing.PAIRED if late_enough else Standing.COMPATIBLE


def newest_cuda(driver: str, os: str) -> str | None:
    """The newest CUDA version in the table whose paired driver is not newer than `driver`."""
    reached = [
        item.cuda
        for item in _needs(os).values()
        if item.paired is not None and not older(driver, item.paired)
    ]
    return reached[-1] if reached else None


def cap(compute_capability: tuple[int, int], os: str) -> DriverCap | None:
    """Where driver support for GPUs of `compute_capability` ends; None while it goes on."""
    for row in load(PROFILE)["cap"]:
        first, last = (_release(text) for text in row["compute_capability"])
        if first is not None and last is not None and first <= compute_capability <= last:
            branch = row["last_driver_windows" if os == "windows" else "last_driver"]
            return DriverCap(row["generation"], branch, row["dropped_from"], row["newest_cuda"])
    return None


def dropped(
    driver: Driver | None, compute_capability: tuple[int, int], os: str
) -> DriverCap | None:
    """Where support for a GPU of `compute_capability` ended, if `driver` came later; else None."""
    known = cap(compute_capability, os)
    if known is None or driver is None or driver.version is None:
        return None
    too_new = older(known.dropped_from, driver.version) or known.dropped_from == driver.version
    return known if too_new else None


def older(driver: str, than: str) -> bool:
    """Whether version `driver` is older than version `than`; False for what is no version."""
    try:
        return Version(driver) < Version(than)
    except InvalidVersion:
        return False


def cuda_of(variant: str) -> str | None:
    """`12.1` for the torch build `cu121`; None for `cpu`, `rocm6.1` and the like."""
    digits = variant.removeprefix("cu")
    if digits == variant or not digits.isdigit() or len(digits) < 2:
        return None
    return f"{digits[:-1]}.{digits[-1]}"


@cache
def _needs(os: str) -> dict[tuple[int, int], DriverNeed]:
    """By CUDA version, oldest first. Windows has no paired driver for CUDA 13: the floor counts."""
    rows = {_release(row["version"]): row for row in load(PROFILE)["cuda"]}
    return {
        key: DriverNeed(
            rows[key]["version"],
            rows[key][f"floor_{os}"],
            rows[key].get(f"paired_{os}", rows[key][f"floor_{os}"]),
        )
        for key in sorted(key for key in rows if key is not None)
    }


def _release(text: str) -> tuple[int, int] | None:
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    return version.major, version.minor
