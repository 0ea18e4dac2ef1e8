"""Copies a range of bytes from one file to another by the fastest way that works here.

On Linux the kernel copies (`copy_file_range`, else `sendfile`) where whole pages can be handed on
or a file server may do it; else, and elsewhere, a buffer does.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable

from sdops.checkpoint.files.positioned import pread_into, pwrite, read_up_to
from sdops.errors import UnreadableInputError

BUFFER_BYTES = 1024 * 1024
"""Smaller, and two threads wait for Python's lock; larger, and it outgrows a processor's cache."""
_PAGE_BYTES = 4096
Way = Callable[[int, int, int, int, int], int]
"""Copies as much as it can, with the arguments of `copy_range`; returns how many bytes."""
_POSITION = threading.Lock()
"""`sendfile` writes where the target's position stands, which all threads share."""
_KERNEL_STEP_BYTES = 256 * 1024 * 1024
_UNSUPPORTED = {errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EBADF}


def copy_range(source: int, offset: int, target: int, position: int, count: int) -> None:
    """Copies `count` bytes at `offset` of `source` to `position` of `target` (file descriptors).

    Raises:
        UnreadableInputError: the source ends before that.
        OSError: the target cannot be written.
    """
    done = 0
    for way in _ways(offset, target, position):
        done += way(source, offset + done, target, position + done, count - done)
        if done == count:
            return
    raise UnreadableInputError("The file became shorter while it was read.")


def read_exactly(source: int, offset: int, count: int) -> bytes:
    """The `count` bytes at `offset` of `source`.

    Raises:
        UnreadableInputError: the source ends before that.
    """
    data = read_up_to(source, count, offset)
    if len(data) < count:
        raise UnreadableInputError("The file became shorter while it was read.")
    return data


def read_into(source: int, offset: int, buffer: memoryview) -> None:
    """Fills `buffer` with the bytes at `offset` of `source`.

    Raises:
        UnreadableInputError: the source ends before that.
    """
    while buffer:
        count = pread_into(source, buffer, offset)
        if count == 0:
            raise UnreadableInputError("The file became shorter while it was read.")
        buffer, offset = buffer[count:], offset + count


def write_exactly(target: int, position: int, data: memoryview | bytes) -> None:
    """Writes all of `data` at `position` of `target`."""
    view = memoryview(data).cast("B")
    while view:
        count = pwrite(target, view, position)
        view, position = view[count:], position + count


def _ways(offset: int, target: int, position: int) -> tuple[Way, ...]:
    """How to copy, the best way first.

    Where the bytes stand otherwise in their pages, the kernel takes every page apart, which takes
    half as long again as a buffer (ext4, Linux 6.18). A file system without a device of its own may
    be a server's, which copies without sending the data through this machine.
    """
    is_whole_pages = (offset - position) % _PAGE_BYTES == 0
    if sys.platform == "linux" and (is_whole_pages or not os.major(os.fstat(target).st_dev)):
        return WAYS
    return (_by_buffer,)


def _by_kernel(source: int, offset: int, target: int, position: int, count: int) -> int:
    if not hasattr(os, "copy_file_range"):
        return 0
    done = 0
    while done < count:
        step = min(count - done, _KERNEL_STEP_BYTES)
        try:
            copied = os.copy_file_range(source, target, step, offset + done, position + done)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return done
            raise
        if copied == 0:
            return done
        done += copied
    return done


def _by_sendfile(source: int, offset: int, target: int, position: int, count: int) -> int:
    if sys.platform != "linux":
        return 0
    done = 0
    while done < count:
        step = min(count - done, _KERNEL_STEP_BYTES)
        try:
            with _POSITION:
                os.lseek(target, position + done, os.SEEK_SET)
                sent = os.sendfile(target, source, offset + done, step)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return done
            raise
        if sent == 0:
            return done
        done += sent
    return done


def _by_buffer(source: int, offset: int, target: int, position: int, count: int) -> int:
    buffer = memoryview(bytearray(min(count, BUFFER_BYTES)))
    done = 0
    while done < count:
        size = pread_into(source, buffer[: count - done], offset + done)
        if size == 0:
            return done
        write_exactly(target, position + done, buffer[:size])
        done += size
    return done


WAYS = (_by_kernel, _by_sendfile, _by_buffer)
