"""The machine's loop: reads opcodes from a window of the file, within budgets.

It follows CPython's `Modules/_pickle.c` and `Lib/pickle.py`; where those two differ it goes on as
the one that goes on. `Fault` is raised only where both of them stop.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator
from typing import TypeAlias

from sdops.checkpoint.files.source import Allowance, BudgetError, Source
from sdops.checkpoint.trace.values import Blob, Global, Trace, Value

WINDOW_BYTES = 1 << 20
# Most probes of a large file end within a few bytes.
_FIRST_WINDOW_BYTES = 1 << 16
_WHOLE_BYTES = 4 << 20
_LOOKAHEAD_BYTES = 16
_CHUNK = 4096
INLINE_BYTES = 4096
_INLINE_WHEN_CROWDED = 64
_TEXT_BYTES = 8 << 20
_LINES_BYTES = 24 << 20
_CHUNKS_BETWEEN_CHECKS = 8
# What setting up a machine costs, in operations.
_STREAM_COST = 300

OPERATION_LIMIT = Allowance.OPERATIONS
MEMO_LIMIT = 400_000
_MOST_MEMO, _BYTES_A_MEMO = 1_500_000, 10
"""For pickles of many megabytes: a tensor takes 170 bytes and memorizes 8 values."""
STACK_LIMIT = 500_000
MARK_LIMIT = 50_000
EVENT_LIMIT = 250_000
ITEM_LIMIT = 200_000
LINE_LIMIT = WINDOW_BYTES

STOP = 0x2E
BINPUT = 0x71
BINPUT = 0x71
MAX_PROTOCOL = 5


class Fault(Exception):  # noqa: N818  (the stop of a stream is an event, not our error)
    """No unpickler can go on from here; the text says why."""


Handler: TypeAlias = "Callable[[Machine, int], int]"
"""Carries out one opcode: gets the position after it, returns the position of the next."""

HANDLERS: list[Handler] = []
NAMES: dict[int, str] = {}


def _unknown_opcode(machine: Machine, pos: int) -> int:
    code = machine.data[pos - 1]
    raise Fault(f"The byte 0x{code:02x} is no pickle opcode.")


HANDLERS.extend([_unknown_opcode] * 256)


def opcode(code: int, name: str) -> Callable[[Handler], Handler]:
    """Registers a handler for the opcode `code`."""

    def register(handler: Handler) -> Handler:
        HANDLERS[code] = handler
        NAMES[code] = name
        return handler

    return register


class Machine:
    """One run over one pickle stream."""

    __slots__ = ("base", "budget", "data", "frame_end", "inherited", "inline", "limit",
                 "line_bytes", "memo", "metastack", "source", "stack", "text_bytes", "trace",
                 "window")  # fmt: skip

    def __init__(
        self,
        source: Source,
        offset: int = 0,
        *,
        operations: int = OPERATION_LIMIT,
        inherited: dict[int, Value] | None = None,
    ) -> None:
        """Prepares to read the stream at `offset` of `source`.

        Args:
            source: the file or member.
            offset: where the stream starts.
            operations: how many opcodes may be followed.
            inherited: the memo of the stream before, which one unpickler keeps between loads.
        """
        self.source = source
        self.budget = min(operations, source.allowance.operations)
        self.trace = Trace(offset, source)
        self.stack: list[Value] = []
        self.metastack: list[list[Value]] = []
        self.memo: dict[int, Value] = {}
        self.inherited = {} if inherited is None else inherited
        self.frame_end: int | None = None
        self.inline = INLINE_BYTES
        self.text_bytes = 0
        self.line_bytes = 0
        self.data = b""
        self.base = offset
        self.limit = 0
        self.window = _FIRST_WINDOW_BYTES
        self._load(offset)

    def run(self) -> Trace:
        """Follows the stream to its STOP, a fault, or the end of a budget."""
        trace = self.trace
        pos = step = 0
        try:
            for chunk in self._chunks():
                for step in chunk:
                    if pos >= self.limit:
                        pos = self._at_limit(pos)
                    code = self.data[pos]
                    if code == BINPUT:
                        # A quarter of all opcodes: calling a handler would take twice as long.
                        self.memo[self.data[pos + 1]] = self.stack[-1]
                        pos += 2
                        continue
                    if code == STOP:
                        trace.end = self.base + pos + 1
                        trace.root = self.stack.pop()
                        trace.complete = True
                        self._note_open_frame()
                        self._spend(step)
                        return trace
                    pos = HANDLERS[code](self, pos + 1)
                self._spend(len(chunk))
                step = 0
        except (Fault, BudgetError) as fault:
            trace.over_budget = isinstance(fault, BudgetError)
            trace.fault = str(fault)
        except (IndexError, struct.error):
            trace.fault = self._why(pos)
        except KeyError as error:
            trace.fault = f"The memo has no entry {error}."
        except (ValueError, OverflowError):
            trace.fault = "An opcode's argument is not a number or not text."
        self._spend(step)
        self._take_back()
        trace.end = max(trace.end, min(self.base + pos, self.source.size))
        trace.fault_offset = trace.end
        return trace

    def _note_open_frame(self) -> None:
        if self.frame_end is not None and self.frame_end > self.trace.end:
            self.trace.frame_end = self.frame_end
            self.trace.odd.append(("A frame reaches beyond the end.", self.trace.end))

    def _spend(self, operations: int) -> None:
        self.trace.operations += operations
        self.source.allowance.operations -= operations

    def _take_back(self) -> None:
        """Counts out what the fault left on the stack: nobody will do anything with it."""
        for stack in (*self.metastack, self.stack):
            for value in stack:
                if type(value) is Global:
                    value.pushes -= 1

    def _why(self, pos: int) -> str:
        if self.base + pos + 9 >= self.source.size:
            return "The pickle is cut off."
        return "An opcode needs more on the stack than there is."

    def _chunks(self) -> Iterator[range]:
        trace = self.trace
        self.source.allowance.operations -= _STREAM_COST
        for number in itertools.count():
            if trace.operations >= self.budget:
                raise BudgetError(f"The pickle has more than {max(self.budget, 0)} operations.")
            yield range(min(_CHUNK, self.budget - trace.operations))
            most = max(MEMO_LIMIT, min(_MOST_MEMO, self.source.size // _BYTES_A_MEMO))
            if len(self.memo) > most:
                raise BudgetError(f"The pickle memorizes more than {most} values.")
            if len(self.stack) > STACK_LIMIT:
                raise BudgetError(f"The pickle stacks more than {STACK_LIMIT} values.")
            if len(self.metastack) > MARK_LIMIT:
                raise BudgetError(f"The pickle nests deeper than {MARK_LIMIT} levels.")
            events = len(trace.calls) + len(trace.builds) + len(trace.fills) + len(trace.globals)
            if events + len(trace.computed) + len(trace.persistent) > EVENT_LIMIT:
                raise BudgetError(f"The pickle makes more than {EVENT_LIMIT} calls.")
            if self.text_bytes > _TEXT_BYTES:
                self.inline = _INLINE_WHEN_CROWDED
            if number % _CHUNKS_BETWEEN_CHECKS == 0:
                self.source.allowance.check_memory()

    def after_build(self, target: Value, state: Value, pos: int) -> int:  # noqa: ARG002
        """Called when BUILD has given `target` its `state`; returns where to go on."""
        return pos

    # -- the window ---------------------------------------------------------------------------

    def _load(self, offset: int) -> None:
        left = self.source.size - offset
        whole = left <= _WHOLE_BYTES and offset == 0
        self.data = self.source.read(offset, left if whole else self.window)
        self.window = WINDOW_BYTES
        self.base = offset
        self._set_limit()

    def _set_limit(self) -> None:
        size = len(self.data)
        more = self.base + size < self.source.size
        self.limit = size - _LOOKAHEAD_BYTES if more else size
        if self.frame_end is not None:
            self.limit = min(self.limit, self.frame_end - self.base)

    def _at_limit(self, pos: int) -> int:
        place = self.base + pos
        if self.frame_end is not None and place >= self.frame_end:
            if place > self.frame_end:
                self.trace.odd.append(("An operation reaches across the end of a frame.", place))
            self.frame_end = None
        if pos > len(self.data) - _LOOKAHEAD_BYTES:
            return self.jump(place)
        self._set_limit()
        return pos

    def jump(self, place: int) -> int:
        """Moves the window to the absolute offset `place`; returns the position there."""
        size = len(self.data)
        inside = place - self.base
        if inside < 0 or inside > size - _LOOKAHEAD_BYTES:
            if place > self.source.size:
                raise Fault("The pickle is cut off.")
            if self.base + size < self.source.size:
                self._load(place)
                return 0
        self._set_limit()
        return inside

    def enter_frame(self, pos: int, size: int) -> None:
        """Notes that a frame of `size` bytes starts at `pos`."""
        end = self.base + pos + size
        self.trace.framed = True
        if self.frame_end is not None and self.base + pos < self.frame_end:
            self.trace.odd.append(("A frame stands inside another.", self.base + pos))
        self.frame_end = end
        self._set_limit()

    # -- arguments ----------------------------------------------------------------------------

    def take(self, pos: int, size: int, encoding: str | None) -> tuple[bytes | Blob, int]:
        """`size` bytes at `pos` (a Blob if they are many) and the position after them."""
        end = pos + size
        if size <= self.inline and end <= len(self.data):
            self.text_bytes += size
            return self.data[pos:end], end
        place = self.base + pos
        if place + size > self.source.size:
            raise Fault("The pickle is cut off.")
        if size <= self.inline:
            self.text_bytes += size
            return self.source.read(place, size), self.jump(place + size)
        return Blob(place, size, encoding), self.jump(place + size)

    def line(self, pos: int) -> tuple[bytes, int]:
        """The line at `pos` without its newline, and the position after it."""
        end = self.data.find(b"\n", pos)
        if end < 0:
            pos = self.jump_to_line(pos)
            end = self.data.find(b"\n", pos)
            if end < 0 and len(self.data) - pos >= LINE_LIMIT:
                raise BudgetError("A line is too long.")
            if end < 0:
                # The Python unpickler cuts the last byte off, whether it is a newline or not.
                return self.data[pos:-1], len(self.data)
        self.line_bytes += end - pos
        if self.line_bytes > _LINES_BYTES:
            raise BudgetError(f"The pickle has more than {_LINES_BYTES} bytes of lines of text.")
        return self.data[pos:end], end + 1

    def jump_to_line(self, pos: int) -> int:
        """Loads the window so that it starts at `pos`."""
        self._load(self.base + pos)
        return 0
