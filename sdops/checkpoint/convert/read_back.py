"""Reads a written file back: whether every byte is what was meant to be written."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import BinaryIO

from sdops.checkpoint.convert.stream import Written, side_by_side
from sdops.checkpoint.write.copying import read_exactly, read_into
from sdops.errors import SdopsError

_STEP_BYTES = 1024 * 1024


def read_back(
    target: int,
    ranges: Sequence[Written],
    threads: ThreadPoolExecutor,
    advance: Callable[[int], None],
) -> None:
    """Compares every tensor's bytes in the file open as `target` with what they were made from.

    Copied ranges are compared with the source, cast ones with the checksum taken when they were
    written: side by side, as both let go of Python's lock.

    Args:
        target: a descriptor, open for reading.
        ranges: what was written.
        threads: who compares.
        advance: called with the number of bytes read, again and again.

    Raises:
        SdopsError: the disk gives back something else.
        UnreadableInputError: the source changed meanwhile.
    """
    for count in side_by_side(threads, (partial(_compare, target, part) for part in ranges)):
        advance(count)


def read_back_header(target: int, header: bytes) -> None:
    """Compares the beginning of the file open as `target` with `header`.

    Raises:
        SdopsError: the disk gives back something else.
    """
    if read_exactly(target, 0, len(header)) != header:
        raise _damaged(0)


def _compare(target: int, written: Written) -> int:
    found, wanted = bytearray(_STEP_BYTES), bytearray(_STEP_BYTES)
    checksum = 0
    for done in range(0, written.count, _STEP_BYTES):
        count = min(_STEP_BYTES, written.count - done)
        data = memoryview(found)[:count]
        read_into(target, written.position + done, data)
        if written.source is None:
            checksum = zlib.crc32(data, checksum)
            continue
        read_into(written.source.descriptor, written.offset + done, memoryview(wanted)[:count])
        # Of the last step the buffers may hold more; what is left in both is the same.
        if found != wanted:
            raise _damaged(written.position + done)
    if written.crc32 is not None and checksum != written.crc32:
        raise _damaged(written.position)
    return written.count


def read_back_zip(file: BinaryIO) -> None:
    """Checks every member of the archive in `file` against its checksum.

    Raises:
        SdopsError: the disk gives back something else than was written.
    """
    with zipfile.ZipFile(file) as archive:
        if archive.testzip() is not None:
            raise _damaged(0)


def _damaged(position: int) -> SdopsError:
    return SdopsError(
        f"The disk gave back other bytes than were written, near byte {position} of the new file.",
        "The new file was thrown away. Check the disk and the computer's memory.",
    )
