"""Copies a range of bytes from one file to another by the fastest way that works here.

On Linux the kernel copies (`copy_file_range`, else `sendfile`); elsewhere a buffer does.
"""

from __future__ import annotations

import errno
import os
import sys

from sdops.checkpoint.positioned import pread, pread_into, pwrite, read_up_to
from sdops.errors import UnreadableInputError

BUFFER_BYTES = 64 * 1024
"""The C library takes larger buffers fresh from the kernel each time, which clears them first: that
takes three times as long as reading into them."""
_KERNEL_STEP_BYTES = 256 * 1024 * 1024
_UNSUPPORTED = {errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EBADF}


def copy_range(source: int, offset: int, target: int, position: int, count: int) -> None:
    """Copies `count` bytes at `offset` of `source` to `position` of `target` (file descriptors).

    Raises:
        UnreadableInputError: the source ends before that.
        OSError: the target cannot be written.
    """
    done = 0
    for way in _WAYS:
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
    os.lseek(target, position, os.SEEK_SET)
    while done < count:
        try:
            sent = os.sendfile(target, source, offset + done, min(count - done, _KERNEL_STEP_BYTES))
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return done
            raise
        if sent == 0:
            return done
        done += sent
    return done


def _by_buffer(source: int, offset: int, target: int, position: int, count: int) -> int:
    done = 0
    while done < count:
        data = pread(source, min(count - done, BUFFER_BYTES), offset + done)
        if not data:
            return done
        write_exactly(target, position + done, data)
        done += len(data)
    return done


_WAYS = (_by_kernel, _by_sendfile, _by_buffer)
