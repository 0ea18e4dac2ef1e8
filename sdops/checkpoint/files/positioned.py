"""Reads and writes at a position of a file descriptor, from several threads at once.

POSIX has `pread` and `pwrite`; on Windows a lock keeps seeking and reading together.
"""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import threading

    _LOCK = threading.Lock()

    def pread(descriptor: int, count: int, position: int) -> bytes:
        """Up to `count` bytes at `position`; fewer at the end, or as the system pleases."""
        with _LOCK:
            os.lseek(descriptor, position, os.SEEK_SET)
            return os.read(descriptor, count)

    def pwrite(descriptor: int, data: memoryview, position: int) -> int:
        """Writes some of `data` at `position`; returns how many bytes."""
        with _LOCK:
            os.lseek(descriptor, position, os.SEEK_SET)
            return os.write(descriptor, data)

else:
    pread = os.pread
    pwrite = os.pwrite


def pread_into(descriptor: int, buffer: memoryview, position: int) -> int:
    """Fills `buffer`, or its beginning, from `position`; returns how many bytes."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], position)
    data = pread(descriptor, len(buffer), position)
    buffer[: len(data)] = data
    return len(data)


def read_up_to(descriptor: int, count: int, position: int) -> bytes:
    """The `count` bytes at `position`, or all that there are before the end of the file.

    A single read may give less: Linux stops at 2 GiB, network file systems earlier.
    """
    data = pread(descriptor, count, position)
    while data and len(data) < count:
        more = pread(descriptor, count - len(data), position + len(data))
        if not more:
            break
        data += more
    return data
