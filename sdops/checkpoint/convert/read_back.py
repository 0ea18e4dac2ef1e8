"""Reads a written file back: its sha256, and whether every byte is what was meant to be written."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from sdops.checkpoint.convert.stream import Written
from sdops.checkpoint.write.copying import BUFFER_BYTES, read_exactly
from sdops.errors import SdopsError


def read_back(
    target: int, header: bytes, ranges: Sequence[Written], advance: Callable[[int], None]
) -> str:
    """The sha256 of the file open as `target`, after comparing every byte.

    Copied ranges are compared with the source, cast ones with the checksum taken when they were
    written. Hashing and comparing go side by side, as both let go of Python's lock.

    Args:
        target: a descriptor, open for reading.
        header: what the file must begin with.
        ranges: what follows it, in order and without holes.
        advance: called with the number of bytes read, again and again.

    Raises:
        SdopsError: the disk gives back something else.
        UnreadableInputError: the source changed meanwhile.
    """
    size = ranges[-1].position + ranges[-1].count if ranges else len(header)
    with ThreadPoolExecutor(1) as side:
        digest = side.submit(_sha256, target, size, advance)
        if read_exactly(target, 0, len(header)) != header:
            raise _damaged(0)
        for written in ranges:
            _compare(target, written)
        return digest.result()


def _compare(target: int, written: Written) -> None:
    checksum = 0
    for done in range(0, written.count, BUFFER_BYTES):
        count = min(BUFFER_BYTES, written.count - done)
        data = read_exactly(target, written.position + done, count)
        if written.source is None:
            checksum = zlib.crc32(data, checksum)
        elif data != read_exactly(written.source.descriptor, written.offset + done, count):
            raise _damaged(written.position + done)
    if written.crc32 is not None and checksum != written.crc32:
        raise _damaged(written.position)


def _sha256(target: int, size: int, advance: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    for position in range(0, size, BUFFER_BYTES):
        data = read_exactly(target, position, min(BUFFER_BYTES, size - position))
        digest.update(data)
        advance(len(data))
    return digest.hexdigest()


def read_back_zip(file: BinaryIO, size: int, advance: Callable[[int], None]) -> str:
    """The sha256 of the archive in `file`, after checking every member against its checksum.

    Raises:
        SdopsError: the disk gives back something else than was written.
    """
    with zipfile.ZipFile(file) as archive:
        if archive.testzip() is not None:
            raise _damaged(0)
    return _sha256(file.fileno(), size, advance)


def _damaged(position: int) -> SdopsError:
    return SdopsError(
        f"The disk gave back other bytes than were written, near byte {position} of the new file.",
        "The new file was thrown away. Check the disk and the computer's memory.",
    )
