"""Turns the bytes of a log into numbered lines: any encoding, any size, bounded time and memory.

A log beyond LIMIT is read once from end to end, but only its beginning, its end, and the
surroundings of words that failures are made of are kept.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

LIMIT_BYTES = 4 << 20
"""A log up to this size is kept whole."""

TAIL_BYTES = 2 << 20
MIDDLE_BYTES = 1 << 20
CHUNK_BYTES = 1 << 20
BEFORE_BYTES, AFTER_BYTES = 3000, 6000
"""How much around a word of failure is kept."""

LINE_BYTES = 48_000
"""What follows in a longer line is left out: it is a workflow, not a message."""

WORDS = (b"Traceback", b"rror", b"RROR", b"xception", b"atal:", b"Killed", b"annot ", b"ailed",
         b"ouldn't", b" memory")  # fmt: skip
"""A bounded set, searched one after the other: bytes.find is much faster than any expression."""

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class RawLine(NamedTuple):
    """One line as it stands in the file."""

    number: int
    text: str


class Reading(NamedTuple):
    """What was read of one log."""

    lines: tuple[RawLine, ...]
    encoding: str
    left_out_bytes: int = 0
    """How much of a very long log was passed over."""


def read_bytes(content: bytes) -> Reading:
    """The lines of a log in memory."""
    return read_chunks(content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES))


def read_file(path: Path) -> Reading:
    """The lines of the log file `path`.

    Raises:
        OSError: it cannot be read.
    """

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    return read_chunks(chunks())


def read_chunks(chunks: Iterable[bytes]) -> Reading:
    """The lines of a log that comes in pieces."""
    source = iter(chunks)
    first = next(source, b"")
    encoding = _wide_encoding(first[:65536])
    if encoding is not None:
        pieces: Iterator[bytes] = _transcoded(first, source, encoding)
    else:
        pieces = _chained(first, source)
    parts, left_out = _condensed(_whole_lines(pieces))
    legacy = None if encoding else _legacy_encoding(parts)
    lines = tuple(line for number, part in parts for line in _lines(number, part, legacy))
    return Reading(lines, encoding or legacy or "utf-8", left_out)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _transcoded(first: bytes, rest: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in _chained(first, rest):
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _wide_encoding(sample: bytes) -> str | None:
    """The encoding of a log that is not made of single ASCII bytes, or None."""
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if odd > half * 0.4 and even < half * 0.1:
        return "utf-16-le"
    if even > half * 0.4 and odd < half * 0.1:
        return "utf-16-be"
    return None


def _whole_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, cut only after line ends (or where a line is unreasonably long)."""
    rest = b""
    for chunk in chunks:
        piece = rest + chunk
        cut = piece.rfind(b"\n") + 1
        if not cut and len(piece) < 2 * CHUNK_BYTES:
            rest = piece
            continue
        cut = cut or len(piece)
        rest = piece[cut:]
        yield piece[:cut]
    if rest:
        yield rest


Part = tuple[int, bytes]
"""The number of the first line, and the bytes of whole lines."""


class _Kept:
    """Parts within a budget: the oldest go first."""

    def __init__(self, budget: int) -> None:
        self.parts: deque[Part] = deque()
        self.dropped = 0
        self._budget, self._size = budget, 0

    def add(self, part: Part) -> None:
        self.parts.append(part)
        self._size += len(part[1])
        while self._size > self._budget and len(self.parts) > 1:
            gone = len(self.parts.popleft()[1])
            self._size -= gone
            self.dropped += gone


def _condensed(pieces: Iterator[bytes]) -> tuple[list[Part], int]:
    """The parts that are kept, in order, and how many bytes were left out."""
    head: list[Part] = []
    recent: deque[Part] = deque()
    recent_size = size = 0
    middle = _Kept(MIDDLE_BYTES)
    skipped, number = 0, 1
    for piece in pieces:
        part = (number, piece)
        number += piece.count(b"\n")
        size += len(piece)
        if size <= LIMIT_BYTES - TAIL_BYTES:
            head.append(part)
            continue
        recent.append(part)
        recent_size += len(piece)
        while recent_size - len(recent[0][1]) >= TAIL_BYTES and len(recent) > 1:
            old = recent.popleft()
            recent_size -= len(old[1])
            kept = list(_windows(old))
            skipped += len(old[1]) - sum(len(content) for _, content in kept)
            for window in kept:
                middle.add(window)
    return [*head, *middle.parts, *recent], skipped + middle.dropped


def _windows(part: Part) -> Iterator[Part]:
    """The surroundings of words of failure, as whole lines that do not overlap."""
    number, content = part
    spans = sorted(_spans(content))
    at = 0
    while spans:
        begin, end = spans.pop(0)
        while spans and spans[0][0] <= end:
            end = max(end, spans.pop(0)[1])
        begin = content.rfind(b"\n", 0, max(begin, 0)) + 1
        stop = content.find(b"\n", min(end, len(content)))
        end = len(content) if stop < 0 else stop + 1
        if begin < at:
            begin = at
        number += content.count(b"\n", at, begin)
        yield number, content[begin:end]
        number += content.count(b"\n", begin, end)
        at = end


def _spans(content: bytes) -> Iterator[tuple[int, int]]:
    for word in WORDS:
        at = content.find(word)
        while at >= 0:
            yield max(at - BEFORE_BYTES, 0), at + AFTER_BYTES
            at = content.find(word, at + AFTER_BYTES)


def _lines(number: int, content: bytes, legacy: str | None) -> Iterator[RawLine]:
    rows = content.split(b"\n")
    if rows and not rows[-1]:
        rows.pop()
    for offset, row in enumerate(rows):
        if len(row) > LINE_BYTES:
            row = row[:LINE_BYTES]
        yield RawLine(number + offset, _decoded(row, legacy))


_TEXT = bytes([0, 8, 9, 10, 13, 27, *range(32, 127), *range(128, 256)])
_RUBBISH = 0.05
"""The share of control characters from which a line is no text."""


def _decoded(row: bytes, legacy: str | None) -> str:
    if not row.isascii() and len(row.translate(None, _TEXT)) > _RUBBISH * len(row):
        return ""
    try:
        text = row.decode("utf-8")
    except UnicodeDecodeError:
        text = row.decode(legacy or "cp1252", "replace")
    return text.replace("\0", "") if "\0" in text else text


_PAGES = {
    "cp936": (("\u4e00", "\u9fff"), "请按任意键继续"),
    "cp950": (("\u4e00", "\u9fff"), "請按任意鍵繼續"),
    "cp932": (("\u3041", "\u30ff"), "続行するには何かキーを押してください"),
    "cp949": (("\uac00", "\ud7a3"), "계속하려면"),
    "cp1251": (("\u0430", "\u044f"), "Для продолжения нажмите"),
    "cp866": (("\u0430", "\u044f"), "Для продолжения нажмите"),
    "cp1252": (("\u00c0", "\u00ff"), "Drücken Sie"),
    "cp850": (("\u00c0", "\u00ff"), "Drücken Sie"),
}
"""Windows' code pages: the letters that a text in them is made of, and a sentence of cmd.exe."""


def _legacy_encoding(parts: list[Part]) -> str | None:
    """The code page of the lines that are not UTF-8, judged by their letters, or None."""
    sample: list[bytes] = []
    size = 0
    for _, content in parts:
        try:
            content.decode("utf-8")
            continue
        except UnicodeDecodeError:
            pass
        for row in content.split(b"\n"):
            if not row.isascii() and size < 65536:
                sample.append(row[:2000])
                size += len(row[:2000])
    return max(_PAGES, key=lambda page: _fit(b"\n".join(sample), page)) if sample else None


def _fit(sample: bytes, page: str) -> float:
    (first, last), sentence = _PAGES[page]
    text = sample.decode(page, "replace")
    foreign = [letter for letter in text if not letter.isascii()]
    usual = sum(first <= letter <= last for letter in foreign)
    broken = text.count("\ufffd")
    return (usual - 2 * broken) / max(len(foreign), 1) + (2 if sentence in text else 0)
