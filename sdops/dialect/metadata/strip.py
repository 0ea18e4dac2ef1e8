"""A copy of a picture that says nothing of how it was made; its pixels stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sdops.atomic import OverwritePolicy, writing
from sdops.dialect.metadata.chunks import Chunk, chunks
from sdops.dialect.metadata.stealth import hidden_text, without_hidden_text
from sdops.errors import UnreadableInputError, UsageError

PNG_WORDS = frozenset({"tEXt", "zTXt", "iTXt", "eXIf", "tIME"})
JPEG_WORDS = frozenset({"APP1", "APP13", "COM"})
WEBP_WORDS = frozenset({"EXIF", "XMP "})
WEBP_FLAGS = 0x08 | 0x04
"""That there is EXIF, and XMP (WebP container specification, extended format)."""
PIECE = 1 << 20


def strip(source: Path, target: Path) -> Path:
    """Write `source` without its texts to the new file `target`.

    Returns:
        `target`.

    Raises:
        UsageError: `target` exists, or this kind of file cannot be stripped without being
            compressed anew.
        UnreadableInputError: `source` cannot be read.
    """
    OverwritePolicy().check(target)
    try:
        with source.open("rb") as file:
            found = chunks(file)
            pieces = None if found is None else list(found)
            if not pieces:
                raise UsageError(
                    f"{source} cannot be copied without its texts: only PNG, JPEG and WebP can.",
                    "Save it as PNG first.",
                )
            if hidden_text(source) is not None:
                return _encoded_anew(source, target)
            with writing(target, OverwritePolicy()) as copy:
                for part in _kept(file, pieces):
                    copy.write(part)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnreadableInputError(f"{source} cannot be copied: {reason}.") from None
    return target


def _kept(file: BinaryIO, pieces: list[Chunk]) -> Iterator[bytes]:
    file.seek(0)
    head = file.read(pieces[0].start)
    is_webp = head[:4] == b"RIFF"
    words = WEBP_WORDS if is_webp else PNG_WORDS if head[1:4] == b"PNG" else JPEG_WORDS
    kept = [piece for piece in pieces if piece.kind not in words]
    size = sum(piece.end - piece.start for piece in kept)
    yield head[:4] + (size + 4).to_bytes(4, "little") + head[8:] if is_webp else head
    for piece in kept:
        if piece.kind == "VP8X" and piece.data:
            file.seek(piece.start)
            whole = bytearray(file.read(piece.end - piece.start))
            whole[8] &= ~WEBP_FLAGS & 0xFF
            yield bytes(whole)
        else:
            yield from _bytes(file, piece.start, piece.end)


def _bytes(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    file.seek(start)
    while start < end and (part := file.read(min(PIECE, end - start))):
        yield part
        start += len(part)


def _encoded_anew(source: Path, target: Path) -> Path:
    """The pixels themselves hold the text: its bits are set alike, and the PNG written anew."""
    from PIL import Image

    with Image.open(source) as picture, writing(target, OverwritePolicy()) as copy:
        picture.load()
        without_hidden_text(picture).save(copy, format=picture.format)
    return target
