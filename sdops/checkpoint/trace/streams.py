"""Pickle streams one after another in a file, and what stands behind a damaged one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from sdops.checkpoint.files.source import Source
from sdops.checkpoint.trace import calls, literals, structure  # noqa: F401  (fill HANDLERS)
from sdops.checkpoint.trace.machine import HANDLERS, OPERATION_LIMIT, Machine, _unknown_opcode
from sdops.checkpoint.trace.values import Trace, Value, is_plausible

if TYPE_CHECKING:
    import re

MAX_STREAMS = 10_000
_MAX_RESUMPTIONS = 32
_MAX_DEPTH = 4
_RESUME_BYTES = 8 << 20


def read_stream(source: Source, offset: int = 0, *, operations: int = OPERATION_LIMIT) -> Trace:
    """Follows the one stream at `offset`."""
    return Machine(source, offset, operations=operations).run()


def read_streams(source: Source, offset: int = 0, depth: int = 0) -> Iterator[Trace]:
    """Follows the stream at `offset` and all that come directly after it.

    After a fault, reading goes on wherever a pickle might start again: a loader that skips
    damage, or starts elsewhere, must not find anything that was not looked at.
    """
    memo: dict[int, Value] = {}
    operations = OPERATION_LIMIT
    for _ in range(MAX_STREAMS):
        if offset >= source.size:
            return
        machine = Machine(source, offset, operations=operations, inherited=memo)
        trace = machine.run()
        memo.update(machine.memo)
        operations = max(operations - trace.operations, 1000)
        yield trace
        if depth < _MAX_DEPTH and (trace.odd or (trace.framed and not trace.complete)):
            yield from _by_frames(source, trace, depth + 1)
        if not trace.complete:
            yield from _resume(source, trace.fault_offset + 1)
            return
        offset = trace.end
    if offset < source.size:
        yield _unread(source, offset)


def whole_streams(source: Source) -> list[Trace]:
    """The pickles of `source`, as a loader reads one after another until one fails."""
    traces = [read_stream(source)]
    while traces[-1].complete and traces[-1].end < source.size:
        offset = traces[-1].end
        if len(traces) == MAX_STREAMS:
            traces.append(_unread(source, offset))
        else:
            traces.append(read_stream(source, offset))
    return traces


def _unread(source: Source, offset: int) -> Trace:
    """What stands for the pickles beyond the most that are followed."""
    trace = Trace(offset, source)
    trace.over_budget = True
    trace.fault = f"More than {MAX_STREAMS} pickles follow one another."
    trace.fault_offset = offset
    return trace


def _by_frames(source: Source, trace: Trace, depth: int) -> Iterator[Trace]:
    """The other readings of a stream with odd frames, and what follows in each of them."""
    from sdops.checkpoint.trace.frames import lossy_readings

    if trace.frame_end:
        # Read from a file, the next stream starts behind the frame.
        yield from read_streams(source, trace.frame_end, depth)
    for other in lossy_readings(source, trace.offset):
        yield other
        if other.complete:
            yield from read_streams(other.source, other.frame_end or other.end, depth)


@cache
def _start() -> re.Pattern[bytes]:
    """Where a pickle may start again: a protocol header, or an import by name."""
    import re

    return re.compile(
        rb"\x80[\x00-\x05]|[ci][A-Za-z_][\w.]{0,80}\n[A-Za-z_][\w.]{0,80}\n"
        rb"|\x8c[\x01-\x50][A-Za-z_][\w.]{0,79}\x94?\x8c[\x01-\x50][A-Za-z_][\w.]{0,79}\x94?\x93"
    )


def _resume(source: Source, offset: int) -> Iterator[Trace]:
    """Whole streams that start somewhere after a fault and import something."""
    end = min(source.size, offset + _RESUME_BYTES)
    tries = 0
    while offset < end and tries < _MAX_RESUMPTIONS and source.allowance.operations > 0:
        data = source.read(offset, min(1 << 20, end - offset))
        if not data:
            return
        found = _start().search(data)
        if found is None:
            offset += max(len(data) - 170, 1) if len(data) == 1 << 20 else len(data)
            continue
        tries += 1
        start = offset + found.start()
        trace = Machine(source, start, operations=OPERATION_LIMIT // 20).run()
        if trace.complete and any(map(is_plausible, trace.globals.values())):
            yield trace
            offset = max(trace.end, start + 1)
        else:
            offset = start + 1


def may_be_pickle(head: bytes) -> bool:
    """Whether a pickle could start with these bytes."""
    return bool(head) and HANDLERS[head[0]] is not _unknown_opcode
