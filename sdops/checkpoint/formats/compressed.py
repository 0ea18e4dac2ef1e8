"""Compressed files: what is inside is unpacked within budgets and looked at in turn."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from sdops.checkpoint.files.source import BudgetError, Source
from sdops.checkpoint.formats.contents import Contents, Nested
from sdops.checkpoint.formats.unpacking import feed, spool
from sdops.checkpoint.types import Container

_SIGNATURES = (
    (b"\x1f\x8b", Container.GZIP),
    (b"\xfd7zXZ\0", Container.XZ),
    (b"BZh", Container.BZ2),
    (b"(\xb5/\xfd", Container.ZSTD),
    (b"\x04\x22\x4d\x18", Container.LZ4),
    (b"Rar!\x1a\x07", Container.RAR),
)
_READABLE = (Container.GZIP, Container.XZ, Container.BZ2, Container.ZLIB, Container.LZMA)

_LZMA_MEMORY_BYTES = 64 << 20
_PIECE = 1 << 18
# Joined streams may be tiny; what is read beyond one is read again.
_FIRST_PIECE = 1 << 12


def recognize(head: bytes, _source: Source) -> Container | None:
    """By signature; zlib by its header's check bits and a trial, lzma by its usual properties."""
    for signature, container in _SIGNATURES:
        if head.startswith(signature):
            return container
    if head[:1] == b"x" and len(head) > 2 and (head[0] * 256 + head[1]) % 31 == 0:
        return Container.ZLIB if _inflates(head) else None
    if head.startswith(b"]\0\0") and len(head) > 13:
        return Container.LZMA
    return None


def _inflates(head: bytes) -> bool:
    try:
        zlib.decompressobj().decompress(head, 16)
    except zlib.error:
        return False
    return True


def read(source: Source, container: Container) -> Contents:
    """The unpacked file as one nested source, or why it could not be unpacked."""
    contents = Contents(container)
    if container not in _READABLE:
        contents.problem(
            "not-readable-here", f"sdops cannot look into {container} files.", blocking=True
        )
        return contents
    contents.nested.append(Nested(f"(unpacked {container})", partial(_unpack, source, contents)))
    return contents


def _unpack(source: Source, contents: Contents) -> Source | None:
    try:
        return spool(_to_the_damage(source, contents.container, contents), source.allowance)
    except BudgetError as error:
        contents.problem("unpacking-limit", str(error), hostile=True, blocking=True)
        return None


def _to_the_damage(source: Source, container: Container, contents: Contents) -> Iterator[bytes]:
    """What can be unpacked; where that is not all, the contents say so."""
    import lzma

    try:
        yield from _pieces(source, container)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        contents.problem("damaged", f"The compressed data is damaged: {error}.", blocking=True)


def _pieces(source: Source, container: Container) -> Iterator[bytes]:
    """Unpacks stream after stream, as gzip and its kin may be joined; stops at other bytes."""
    import lzma

    offset, streams = 0, 0
    while offset < source.size:
        unpacker = _unpacker(container)
        ended, size = False, _PIECE if streams == 0 else _FIRST_PIECE
        while not ended and (data := source.read(offset, size)):
            offset, size = offset + len(data), _PIECE
            try:
                yield from feed(unpacker, data)
            except (zlib.error, lzma.LZMAError, OSError):
                if streams:
                    return
                raise
            ended = unpacker.eof
        offset -= len(unpacker.unused_data)
        streams += 1
        if not ended:
            raise EOFError("it is cut off")


def _unpacker(container: Container) -> Any:
    import bz2
    import lzma

    if container is Container.BZ2:
        return bz2.BZ2Decompressor()
    if container in (Container.XZ, Container.LZMA):
        return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY_BYTES)
    return zlib.decompressobj(31 if container is Container.GZIP else 15)
