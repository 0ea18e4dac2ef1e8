"""Who the processes are that a GPU driver says hold memory."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path, PureWindowsPath

from sdops.facts.types import GpuProcess

_INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO of Linux's include/linux/proc_ns.h."""


def identify(pid: int, name: str | None, vram_bytes: int | None) -> GpuProcess:
    """The process `pid`, named by its driver or else by the system.

    A driver counts processes as the host does: inside a container the number says nothing.
    """
    import psutil

    name = PureWindowsPath(name).name or None if name else None
    if not _sees_host_processes():
        return GpuProcess(pid, name, vram_bytes)
    try:
        return GpuProcess(pid, psutil.Process(pid).name() or name, vram_bytes, alive=True)
    except psutil.NoSuchProcess:
        return GpuProcess(pid, name, vram_bytes, alive=False)
    except psutil.Error:
        return GpuProcess(pid, name, vram_bytes, alive=True)


@cache
def _sees_host_processes() -> bool:
    if sys.platform != "linux":
        return True
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == _INITIAL_PID_NAMESPACE
    except OSError:
        return False
