"""The reading of a pickle whose arguments reach across a frame, as the C unpickler reads files.

From a file that cannot peek, CPython's C unpickler keeps one frame in memory. An argument that is
longer than what is left of the frame is read from behind the frame, and the rest of the frame is
lost (Modules/_pickle.c, `_Unpickler_ReadImpl`). From bytes in memory nothing is lost. No pickler
writes such streams, so both readings are followed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from sdops.checkpoint.files.source import Source
from sdops.checkpoint.trace.machine import HANDLERS, STOP, Fault, Machine
from sdops.checkpoint.trace.values import Trace

_MOST_CUTS = 50
_MOST_OPERATIONS = 200_000
_FRAME = 0x95
# What each opcode reads after itself: numbers are bytes, `L` lines; `4+` a length, then as many.
_READS: dict[int, tuple[str, ...]] = {
    **dict.fromkeys(b"qhKCU\x80\x82\x8a\x8c", ("1",)),
    **dict.fromkeys(b"M\x83", ("2",)),
    **dict.fromkeys(b"rjJBXT\x84\x8b", ("4",)),
    **dict.fromkeys(b"G\x8d\x8e\x95\x96", ("8",)),
    **dict.fromkeys(b"FILSVPgp", ("L",)),
    **dict.fromkeys(b"ci", ("L", "L")),
}
_WITH_DATA = {*b"CUBXT\x8a\x8b\x8c\x8d\x8e\x95\x96"}
# Bytes are copied piece by piece, and lose nothing (`_Unpickler_ReadInto`).
_COPIED = {*b"BC\x8e\x96"}
_NUMBERS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}


class Spliced:
    """A source without the bytes from `start` to `end`."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        """`source` as it reads when those bytes are lost."""
        self._source, self._start, self._gap = source, start, end - start
        self.size = source.size - self._gap
        self.allowance = source.allowance

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`."""
        before = max(0, min(length, self._start - offset))
        data = self._source.read(offset, before)
        rest = length - before
        return data + self._source.read(max(offset, self._start) + self._gap, rest)


class _Loss(NamedTuple):
    """Bytes that are lost, and what is in memory then."""

    start: int
    end: int
    settled: int
    """Reads before this place, counted without the lost bytes, lose nothing more."""
    frame_end: int
    """The end of the frame that is in memory from there on; 0 for none."""


def lossy_readings(source: Source, offset: int) -> Iterator[Trace]:
    """The stream at `offset` as it reads when the ends of crossed frames are lost."""
    loss = _first_loss(source, offset, None)
    for _ in range(_MOST_CUTS):
        if loss is None or source.allowance.operations < 0:
            return
        source = Spliced(source, loss.start, loss.end)
        following = _first_loss(source, offset, loss)
        if following is None:
            yield Machine(source, offset).run()
        loss = following


def _first_loss(source: Source, offset: int, last: _Loss | None) -> _Loss | None:
    """Where bytes are lost first, behind the `last` place where they were."""
    machine = Machine(source, offset)
    settled, frame_end = (last.settled, last.frame_end) if last else (offset, 0)
    pos = 0
    for _ in range(_MOST_OPERATIONS):
        place = machine.base + pos
        code = (source.read(place, 1) or b".")[0]
        if code == STOP:
            return None
        at = place + 1
        for number, size in enumerate(_lengths(source, code, at)):
            if code in _COPIED and number == 1:
                frame_end = frame_end if at + size <= frame_end else 0
                break
            of_frame = code == _FRAME and number == 1
            if settled <= at < frame_end < at + size:
                after = (at, at + size) if of_frame else (at + size, 0)
                return _Loss(at, frame_end, *after)
            at += size
            if of_frame and place >= settled:
                frame_end = max(frame_end, at)
        try:
            if pos >= machine.limit:
                pos = machine.jump(place)
            pos = HANDLERS[code](machine, pos + 1)
        except (Fault, IndexError, KeyError, ValueError, OverflowError, struct.error):
            return None
    return None


def _lengths(source: Source, code: int, at: int) -> Iterator[int]:
    """The lengths of the reads of the opcode `code`, whose arguments start at `at`."""
    for read in _READS.get(code, ()):
        if read == "L":
            length = _line_length(source, at)
            yield length
            at += length
            continue
        size = int(read)
        yield size
        if code in _WITH_DATA:
            raw = source.read(at, size)
            yield struct.unpack(_NUMBERS[size], raw)[0] if len(raw) == size else 0


def _line_length(source: Source, at: int) -> int:
    found = source.read(at, 1 << 16).find(b"\n")
    return found + 1 if found >= 0 else source.size - at
