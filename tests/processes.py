"""Waits for the end of processes that a test did not start itself."""

from __future__ import annotations

import time

import psutil


def end_within(pid: int, seconds: float) -> bool:
    """Whether the process is gone, or waits for nothing but its parent to hear of it, in time."""
    deadline = time.monotonic() + seconds
    while _runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
