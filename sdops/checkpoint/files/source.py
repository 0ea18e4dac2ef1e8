"""Where bytes come from: files and parts of files, read at any offset, never as a whole."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Protocol

from sdops.checkpoint.files.positioned import read_up_to
from sdops.errors import UnreadableInputError

if TYPE_CHECKING:
    from pathlib import Path


class BudgetError(Exception):
    """Looking further into a file would take too much time, memory or room; the text says which."""


class Allowance:
    """What looking into one file may still cost, with all that is packed and nested in it.

    Args:
        size: the file's own size in bytes.
        wanted_bytes: how much it may unpack to where its size would not allow as much.
    """

    OPERATIONS = 5_000_000
    UNPACKED_BYTES = 512 << 20
    # Small files may unpack to this much, larger ones to this many times their size.
    _FREE_BYTES = 64 << 20
    _RATIO = 200
    _OBJECTS = 800_000
    """Small objects of Python: together about 60 MB."""
    _MOST_OBJECTS, _BYTES_AN_OBJECT = 3_000_000, 5
    """A checkpoint of 60,000 tensors has 25 objects, and 170 bytes of pickle, for each."""

    __slots__ = ("_limit", "_objects", "_objects_before", "operations", "unpacked_bytes")

    def __init__(self, size: int, wanted_bytes: int = 0) -> None:
        """The whole allowance, of a file that is about to be read."""
        self.operations = self.OPERATIONS
        self._objects = max(self._OBJECTS, min(self._MOST_OBJECTS, size // self._BYTES_AN_OBJECT))
        usual = min(self.UNPACKED_BYTES, max(self._FREE_BYTES, size * self._RATIO))
        self.unpacked_bytes = self._limit = max(usual, wanted_bytes)
        self._objects_before = sys.getallocatedblocks()

    def unpack(self, size: int) -> None:
        """Spends `size` unpacked bytes; raises BudgetError where they are too many."""
        self.unpacked_bytes -= size
        if self.unpacked_bytes < 0:
            raise BudgetError(f"It would unpack to more than {self._limit >> 20} MiB.")

    def check_memory(self) -> None:
        """Raises BudgetError where what was read fills the memory."""
        if sys.getallocatedblocks() - self._objects_before > self._objects:
            raise BudgetError(f"It makes more than {self._objects} objects, which sdops follows.")


class Source(Protocol):
    """Bytes that can be read at any offset."""

    size: int
    """How many bytes there are."""
    allowance: Allowance
    """What looking into the file that these bytes are in may still cost."""

    def __hash__(self) -> int:
        """Sources are told apart by identity."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the end."""
        ...


# Files up to this size are read once, as a whole: most reads are of a few bytes.
_SMALL_BYTES = 1 << 18


class FileSource:
    """An open file, read with `pread`; close it when done, or use it as a context."""

    def __init__(self, path: Path | str) -> None:
        """Opens a regular file; symbolic links are followed.

        Raises:
            UnreadableInputError: it is missing, not a regular file, or may not be read.
        """
        # Without O_NONBLOCK a named pipe in a model folder would hang the scan.
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            self.descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnreadableInputError(f"{path} cannot be read: {reason}.") from None
        self.status = os.fstat(self.descriptor)
        if not _is_regular(self.status.st_mode):
            os.close(self.descriptor)
            raise UnreadableInputError(f"{path} is not a regular file.")
        self.size = self.status.st_size
        self.allowance = Allowance(self.size)
        self._whole: bytes | None = None

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; raises UnreadableInputError if the disk fails."""
        if offset < 0 or length <= 0 or offset >= self.size:
            return b""
        if self.size > _SMALL_BYTES:
            return self._read(offset, length)
        if self._whole is None:
            self._whole = self._read(0, self.size)
        return self._whole[offset : offset + length]

    def _read(self, offset: int, length: int) -> bytes:
        try:
            return read_up_to(self.descriptor, min(length, self.size - offset), offset)
        except OSError as error:
            raise UnreadableInputError(f"Reading failed: {error.strerror or error}.") from None

    def close(self) -> None:
        """Closes the file."""
        os.close(self.descriptor)

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_unchanged(before: os.stat_result, now: os.stat_result) -> bool:
    """Whether a file is as it was; inodes are no sign of it, as some shares make up new ones."""
    return (before.st_size, before.st_mtime_ns) == (now.st_size, now.st_mtime_ns)


class BytesSource:
    """Bytes in memory, such as a decompressed member."""

    def __init__(self, data: bytes, allowance: Allowance | None = None) -> None:
        """`data`, at the cost of the file it was found in, or as a file of its own."""
        self._data = data
        self.size = len(data)
        self.allowance = allowance or Allowance(self.size)

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`."""
        if offset < 0 or length <= 0:
            return b""
        return self._data[offset : offset + length]


class Part:
    """A range of another source, such as a stored archive member."""

    def __init__(self, parent: Source, offset: int, length: int) -> None:
        """The bytes of `parent` from `offset`, at most `length` of them."""
        self.parent = parent
        self.allowance = parent.allowance
        self.offset = max(0, min(offset, parent.size))
        self.size = max(0, min(length, parent.size - self.offset))

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` within the part."""
        if offset < 0 or offset >= self.size:
            return b""
        return self.parent.read(self.offset + offset, min(length, self.size - offset))


def _is_regular(mode: int) -> bool:
    return mode & 0o170000 == 0o100000
