"""Memory: RAM, swap or page file, and the shared memory of /dev/shm."""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass

from sdops.facts.tree import Tree


@dataclass(frozen=True, slots=True)
class Ram:
    """Main memory, in bytes."""

    total: int | None = None
    available: int | None = None


def ram() -> Ram:
    """This machine's main memory."""
    import psutil

    memory = psutil.virtual_memory()
    return Ram(memory.total, memory.available)


def swap_total() -> int:
    """Swap space, or the page file on Windows, in bytes."""
    import psutil

    with warnings.catch_warnings():  # psutil warns where /proc/vmstat may not be read
        warnings.simplefilter("ignore", RuntimeWarning)
        return int(psutil.swap_memory().total)


def shm_total(tree: Tree) -> int | None:
    """The size of /dev/shm in bytes, or None where there is none."""
    if sys.platform != "linux" or not tree.exists("/dev/shm"):  # noqa: S108  (we ask its size)
        return None
    status = os.statvfs(tree.path("/dev/shm"))  # noqa: S108
    return status.f_frsize * status.f_blocks
