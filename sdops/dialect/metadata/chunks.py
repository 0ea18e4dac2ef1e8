"""The pieces that PNG, JPEG and WebP files are made of, without decoding a pixel.

A cut or damaged picture still says how it was made as far as it goes. Sources: PNG specification
(third edition) chapters 5 and 11; ITU-T T.81 annex B; WebP container specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8"
LARGEST_KEPT = 64 << 20
"""Larger pieces are passed over: no program writes as much about a picture."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a length."""
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a file."""

    kind: str
    """PNG's and WebP's four letters, or `APP1`, `COM` and the like of JPEG; `scan` for pixels."""
    start: int
    end: int
    """Offsets in the file; everything that belongs to the piece lies between."""
    data: bytes | None
    """What is in it; None for pixels and what is too large."""


def chunks(file: BinaryIO) -> Iterator[Chunk] | None:
    """The pieces of `file`, from its start; None if it is neither PNG, JPEG nor WebP."""
    head = file.read(12)
    if head.startswith(PNG_MAGIC):
        return _png(file)
    if head.startswith(JPEG_MAGIC):
        return _jpeg(file)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(file)
    return None


def _png(file: BinaryIO) -> Iterator[Chunk]:
    place = len(PNG_MAGIC)
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        length, name = struct.unpack(">I4s", head)
        kind = name.decode("latin-1")
        is_kept = kind != "IDAT" and length <= LARGEST_KEPT
        data = file.read(length) if is_kept else None
        end = place + length + 12
        yield Chunk(kind, place, end, data)
        if kind == "IEND":
            return
        place = end


def _jpeg(file: BinaryIO) -> Iterator[Chunk]:
    place = len(JPEG_MAGIC)
    while True:
        file.seek(place)
        head = file.read(4)
        if len(head) < 2 or head[0] != 0xFF:
            return
        marker = head[1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            yield Chunk("scan", place, file.seek(0, 2), None)
            return
        if marker in _ALONE:
            place += 2
            continue
        if len(head) < 4:
            return
        length = int.from_bytes(head[2:], "big")
        if length < 2:
            return
        data = file.read(length - 2)
        yield Chunk(_jpeg_name(marker), place, place + 2 + length, data)
        place += 2 + length


def _jpeg_name(marker: int) -> str:
    if 0xE0 <= marker <= 0xEF:
        return f"APP{marker - 0xE0}"
    return "COM" if marker == 0xFE else f"{marker:02X}"


def _webp(file: BinaryIO) -> Iterator[Chunk]:
    place = 12
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        name, length = struct.unpack("<4sI", head)
        kind = name.decode("latin-1")
        is_kept = not kind.startswith("VP8 ") and kind not in ("VP8L", "ALPH", "ANMF")
        data = file.read(length) if is_kept and length <= LARGEST_KEPT else None
        end = place + 8 + length + length % 2
        yield Chunk(kind, place, end, data)
        place = end
