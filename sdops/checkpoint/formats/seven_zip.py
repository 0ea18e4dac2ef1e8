"""7z archives, as far as Python's own unpackers go: stored, LZMA, LZMA2, bzip2 and deflate.

Source: 7zFormat.txt of the LZMA SDK. Whatever is packed otherwise (PPMd, encryption, several
packed streams for one file) is reported as unreadable.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sdops.checkpoint.files.source import BudgetError, Part, Source
from sdops.checkpoint.formats import lzma_filters
from sdops.checkpoint.formats.contents import Contents, Nested
from sdops.checkpoint.formats.unpacking import feed, spool
from sdops.checkpoint.types import Container

_SIGNATURE = b"7z\xbc\xaf\x27\x1c"
_START = struct.Struct("<6s2sLQQL")
_END, _HEADER, _STREAMS, _PACK, _UNPACK, _SUBSTREAMS = 0, 1, 4, 6, 7, 8
_SIZES, _CHECKSUMS, _FOLDERS, _UNPACK_SIZES, _COUNTS, _ENCODED = 9, 10, 11, 12, 13, 0x17
_COPY, _LZMA, _LZMA2 = b"\0", b"\x03\x01\x01", b"!"
_DEFLATE, _BZIP2, _DELTA, _X86 = b"\x04\x01\x08", b"\x04\x02\x02", b"\x03", b"\x03\x03\x01\x03"
_FILTERS = {
    _LZMA: lzma_filters.lzma1, _LZMA2: lzma_filters.lzma2, _DELTA: lzma_filters.delta,
    _X86: lzma_filters.x86,
}  # fmt: skip
_MAX_HEADER_BYTES = 8 << 20
_MAX_COUNT = 10_000
_PIECE = 1 << 16


class _UnreadableError(Exception):
    pass


_FAULTS = (
    _UnreadableError,
    struct.error,
    lzma.LZMAError,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
)


@dataclass(slots=True)
class _Folder:
    """Some files that are packed together."""

    coders: list[tuple[bytes, bytes]]
    """Method and its properties, of each coder."""
    last: int
    """Which coder gives the unpacked files."""
    size: int = 0
    files: list[int] = field(default_factory=list)
    """The unpacked size of each file."""


class _Cursor:
    """Reads the header's numbers one after another."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def bytes(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise _UnreadableError("its header is cut off")
        self._at += size
        return self._data[self._at - size : self._at]

    def byte(self) -> int:
        return self.bytes(1)[0]

    def number(self) -> int:
        """A number whose first byte tells, by its leading ones, how many bytes follow."""
        first, value = self.byte(), 0
        for place in range(8):
            mask = 0x80 >> place
            if not first & mask:
                return value | (first & (mask - 1)) << (8 * place)
            value |= self.byte() << (8 * place)
        return value

    def count(self) -> int:
        count = self.number()
        if count > _MAX_COUNT:
            raise _UnreadableError("its header claims too many entries")
        return count

    def skip_checksums(self, count: int) -> None:
        if not self.byte():
            count = sum(byte.bit_count() for byte in self.bytes((count + 7) // 8))
        self.bytes(4 * count)


def recognize(head: bytes, _source: Source) -> Container | None:
    """By its signature."""
    return Container.SEVEN_ZIP if head.startswith(_SIGNATURE) else None


def read(source: Source, container: Container) -> Contents:
    """The packed files as nested ones, unpacked when they are looked at."""
    contents = Contents(container)
    try:
        for folder, part in _folders(source):
            position = 0
            for size in folder.files:
                more = partial(_spool, folder, part, contents, position)
                contents.nested.append(Nested(f"(file {len(contents.nested) + 1})", more))
                position += size
    except _FAULTS as error:
        _tell(contents, error)
    return contents


def _folders(source: Source) -> Iterator[tuple[_Folder, Part]]:
    cursor = _header(source)
    kind = _END if cursor is None else cursor.byte()
    if cursor is not None and kind == _STREAMS:
        yield from _streams(cursor, source)
    elif kind != _END:
        raise _UnreadableError(f"its header has an unknown part {kind}")


def _tell(contents: Contents, error: Exception) -> None:
    contents.problem("not-readable-here", f"This 7z archive cannot be read: {error}.",
                     blocking=True)  # fmt: skip


def _spool(folder: _Folder, part: Part, contents: Contents, position: int) -> Source | None:
    """The unpacked files from `position` on."""
    try:
        unpacked = spool(_unpacked(folder, part), part.allowance)
    except BudgetError as error:
        contents.problem("unpacking-limit", str(error), hostile=True, blocking=True)
        return None
    except _FAULTS as error:
        _tell(contents, error)
        return None
    return Part(unpacked, position, unpacked.size)


def _header(source: Source) -> _Cursor | None:
    """The header behind its first byte; it may be packed itself. None for an empty archive."""
    start = _START.unpack(source.read(0, _START.size))
    offset, size = _START.size + start[3], start[4]
    if size > _MAX_HEADER_BYTES or offset + size > source.size:
        raise _UnreadableError("its header is cut off or too large")
    data = source.read(offset, size)
    for _ in range(4):
        if not data:
            return None
        cursor = _Cursor(data)
        kind = cursor.byte()
        if kind == _HEADER:
            return cursor
        if kind != _ENCODED:
            break
        packed = next(_streams(cursor, source), None)
        if packed is None or packed[0].size > _MAX_HEADER_BYTES:
            break
        data = b"".join(_unpacked(*packed))
    raise _UnreadableError("its header is damaged")


def _streams(cursor: _Cursor, source: Source) -> Iterator[tuple[_Folder, Part]]:
    """Each folder, and where its packed bytes are."""
    offset = 0
    sizes: list[int] = []
    folders: list[_Folder] = []
    while (kind := cursor.byte()) != _END:
        if kind == _PACK:
            offset, sizes = _pack_info(cursor)
        elif kind == _UNPACK:
            folders = _unpack_info(cursor)
        elif kind == _SUBSTREAMS:
            _substreams(cursor, folders)
            break  # only checksums follow
        else:
            raise _UnreadableError(f"its header has an unknown part {kind}")
    if len(sizes) != len(folders):
        raise _UnreadableError("some of its files are packed in several streams")
    place = _START.size + offset
    for folder, size in zip(folders, sizes, strict=True):
        if place + size > source.size:
            raise _UnreadableError("it is cut off")
        yield folder, Part(source, place, size)
        place += size


def _pack_info(cursor: _Cursor) -> tuple[int, list[int]]:
    offset, count = cursor.number(), cursor.count()
    sizes: list[int] = []
    while (kind := cursor.byte()) != _END:
        if kind == _SIZES:
            sizes = [cursor.number() for _ in range(count)]
        elif kind == _CHECKSUMS:
            cursor.skip_checksums(count)
        else:
            raise _UnreadableError(f"its header has an unknown part {kind}")
    return offset, sizes


def _unpack_info(cursor: _Cursor) -> list[_Folder]:
    if cursor.byte() != _FOLDERS:
        raise _UnreadableError("its header is damaged")
    count, external = cursor.count(), cursor.byte()
    if external:
        raise _UnreadableError("its header is spread over streams")
    folders = [_folder(cursor) for _ in range(count)]
    while (kind := cursor.byte()) != _END:
        if kind == _UNPACK_SIZES:
            for folder in folders:
                sizes = [cursor.number() for _ in folder.coders]
                folder.size = sizes[folder.last]
                folder.files = [folder.size]
        elif kind == _CHECKSUMS:
            cursor.skip_checksums(len(folders))
        else:
            raise _UnreadableError(f"its header has an unknown part {kind}")
    return folders


def _folder(cursor: _Cursor) -> _Folder:
    coders = []
    count = cursor.count()
    for _ in range(count):
        flags = cursor.byte()
        method = cursor.bytes(flags & 0x0F)
        if flags & 0x90:
            raise _UnreadableError("its files are packed in a way that is not known here")
        coders.append((method, cursor.bytes(cursor.count()) if flags & 0x20 else b""))
    bound = set()
    for _ in range(count - 1):
        cursor.number()
        bound.add(cursor.number())
    free = [place for place in range(count) if place not in bound]
    if len(free) != 1:
        raise _UnreadableError("its header is damaged")
    return _Folder(coders, free[0])


def _substreams(cursor: _Cursor, folders: list[_Folder]) -> None:
    counts = [1] * len(folders)
    kind = cursor.byte()
    if kind == _COUNTS:
        counts = [cursor.count() for _ in folders]
        kind = cursor.byte()
    for folder, count in zip(folders, counts, strict=True):
        sizes = [cursor.number() for _ in range(count - 1)] if kind == _SIZES else []
        folder.files = [*sizes, folder.size - sum(sizes)] if count else []
        if len(folder.files) != count or min(folder.files, default=0) < 0:
            raise _UnreadableError("the sizes of its files do not fit")


def _unpacked(folder: _Folder, part: Part) -> Iterator[bytes]:
    """The folder's files, one behind the other."""
    unpacker = _unpacker(folder.coders)
    offset, left = 0, folder.size
    while left > 0 and (data := part.read(offset, _PIECE)):
        offset += len(data)
        for piece in [data] if unpacker is None else feed(unpacker, data):
            yield piece[:left]
            left -= len(piece)
    if left > 0:
        raise _UnreadableError("its packed data ends too early")


def _unpacker(coders: list[tuple[bytes, bytes]]) -> Any:
    """What unpacks these coders; None for stored files."""
    methods = [method for method, _ in coders]
    if methods == [_COPY]:
        return None
    if methods == [_DEFLATE]:
        return zlib.decompressobj(-15)
    if methods == [_BZIP2]:
        return bz2.BZ2Decompressor()
    if not set(methods) <= set(_FILTERS):
        raise _UnreadableError("its files are packed in a way that is not known here")
    filters = [_FILTERS[method](properties) for method, properties in coders]
    # Python wants the packing method last, whatever order the archive lists.
    filters.sort(key=lambda item: item["id"] in (lzma.FILTER_LZMA1, lzma.FILTER_LZMA2))
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
