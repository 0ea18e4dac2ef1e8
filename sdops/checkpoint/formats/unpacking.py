"""Unpacks compressed data, a piece at a time and within the file's allowance."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from sdops.checkpoint.files.source import Allowance, BytesSource, Source
from sdops.checkpoint.formats.zip_reader import BZIP2, DEFLATED, LZMA, ZipError

_IN_MEMORY_BYTES = 4 << 20
_PIECE = 1 << 18
# An empty piece takes time too.
_PIECE_COST = 1 << 10


def spool(pieces: Iterable[bytes], allowance: Allowance) -> Source:
    """Collects `pieces` in memory, or in a temporary file if they are many.

    Raises:
        BudgetError: they are more than the file may unpack to.
    """
    import tempfile

    file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  (the source keeps it)
    size = 0
    for piece in pieces:
        size += len(piece)
        allowance.unpack(len(piece) + _PIECE_COST)
        file.write(piece)
    if size <= _IN_MEMORY_BYTES:
        file.seek(0)
        return BytesSource(file.read(), allowance)
    file.rollover()
    return _SpooledSource(file, size, allowance)


class _SpooledSource:
    """A temporary file that lives as long as this object."""

    def __init__(self, file: Any, size: int, allowance: Allowance) -> None:
        self._file, self.size, self.allowance = file, size, allowance

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length <= 0:
            return b""
        self._file.seek(offset)
        data: bytes = self._file.read(length)
        return data


def inflate(part: Source, method: int) -> Iterator[bytes]:
    """Decompresses a member piece by piece; raises ZipError for damaged or unknown data."""
    if method == DEFLATED:
        inflater = zlib.decompressobj(-15)
    elif method == BZIP2:
        import bz2

        inflater = bz2.BZ2Decompressor()  # type: ignore[assignment]
    elif method == LZMA:
        yield from _inflate_lzma(part)
        return
    else:
        raise ZipError(f"The compression method {method} is not known here.")
    offset = 0
    try:
        while piece := part.read(offset, 65536):
            offset += len(piece)
            yield from feed(inflater, piece)
            if inflater.eof:
                return
    except (zlib.error, OSError, EOFError) as error:
        raise ZipError(f"The compressed data is damaged: {error}.") from None


def feed(unpacker: Any, data: bytes) -> Iterator[bytes]:
    """What a decompressor of zlib, bz2 or lzma makes of `data`, in pieces of bounded size."""
    yield unpacker.decompress(data, _PIECE)
    while not unpacker.eof:
        if hasattr(unpacker, "needs_input"):
            if unpacker.needs_input:
                return
            yield unpacker.decompress(b"", _PIECE)
        else:
            if not unpacker.unconsumed_tail:
                return
            yield unpacker.decompress(unpacker.unconsumed_tail, _PIECE)


def _inflate_lzma(part: Source) -> Iterator[bytes]:
    import lzma

    from sdops.checkpoint.formats.lzma_filters import lzma1

    head = part.read(0, 9)
    if len(head) < 9:
        raise ZipError("The compressed data is damaged: no LZMA properties.")
    (size,) = struct.unpack_from("<H", head, 2)
    try:
        inflater = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[lzma1(part.read(4, size))])
        offset = 4 + size
        while piece := part.read(offset, 65536):
            offset += len(piece)
            yield from feed(inflater, piece)
            if inflater.eof:
                return
    except (lzma.LZMAError, EOFError) as error:
        raise ZipError(f"The compressed data is damaged: {error}.") from None
