"""Opcodes that move values: stack, marks, memo, containers, protocol and frames."""

from __future__ import annotations

import struct

from sdops.checkpoint.trace.literals import decimal
from sdops.checkpoint.trace.machine import ITEM_LIMIT, MAX_PROTOCOL, Fault, Machine, opcode
from sdops.checkpoint.trace.values import Call, Dict, Effect, Global, Set, Value

_unpack_uint = struct.Struct("<I").unpack_from
_unpack_size = struct.Struct("<Q").unpack_from
_MAX_SIZE = (1 << 63) - 1
# The C unpickler allocates twice this many pointers at once.
_MEMO_INDEX_LIMIT = 1 << 24


@opcode(0x80, "PROTO")
def proto(machine: Machine, pos: int) -> int:
    """Sets the protocol, which decides how names are looked up."""
    version = machine.data[pos]
    if version > MAX_PROTOCOL:
        raise Fault(f"There is no pickle protocol {version}.")
    machine.trace.protocol = version
    return pos + 1


@opcode(0x95, "FRAME")
def frame(machine: Machine, pos: int) -> int:
    """Starts a frame, which only says how much to read ahead."""
    size = _unpack_size(machine.data, pos)[0]
    if size > _MAX_SIZE:
        raise Fault("A frame is longer than all memory.")
    machine.enter_frame(pos + 8, size)
    return pos + 8


@opcode(0x28, "MARK")
def mark(machine: Machine, pos: int) -> int:
    """Starts a group of values."""
    machine.metastack.append(machine.stack)
    machine.stack = []
    return pos


def pop_mark(machine: Machine) -> list[Value]:
    """The values since the last mark, which are taken off with it."""
    items = machine.stack
    machine.stack = machine.metastack.pop()
    return items


@opcode(0x31, "POP_MARK")
def pop_mark_(machine: Machine, pos: int) -> int:
    """Drops the values since the last mark."""
    pop_mark(machine)
    return pos


@opcode(0x30, "POP")
def pop(machine: Machine, pos: int) -> int:
    """Drops the value on top, or the mark if that is on top."""
    if machine.stack:
        machine.stack.pop()
    else:
        pop_mark(machine)
    return pos


@opcode(0x32, "DUP")
def dup(machine: Machine, pos: int) -> int:
    """Pushes the value on top again."""
    value = machine.stack[-1]
    if type(value) is Global:
        value.pushes += 1
    machine.stack.append(value)
    return pos


@opcode(0x71, "BINPUT")
def binput(machine: Machine, pos: int) -> int:
    """Memorizes the value on top."""
    machine.memo[machine.data[pos]] = machine.stack[-1]
    return pos + 1


@opcode(0x72, "LONG_BINPUT")
def long_binput(machine: Machine, pos: int) -> int:
    """Memorizes the value on top."""
    _put(machine, _unpack_uint(machine.data, pos)[0])
    return pos + 4


@opcode(0x70, "PUT")
def put(machine: Machine, pos: int) -> int:
    """Memorizes the value on top."""
    line, pos = machine.line(pos)
    _put(machine, decimal(line))
    return pos


def _put(machine: Machine, index: int) -> None:
    if index < 0:
        raise Fault("A memo index is negative.")
    if index > _MEMO_INDEX_LIMIT and not machine.trace.odd:
        machine.trace.odd.append(
            (f"The memo index {index} makes Python reserve memory for it.", machine.base)
        )
    machine.memo[index] = machine.stack[-1]


@opcode(0x94, "MEMOIZE")
def memoize(machine: Machine, pos: int) -> int:
    """Memorizes the value on top under the next number."""
    machine.memo[len(machine.memo)] = machine.stack[-1]
    return pos


@opcode(0x68, "BINGET")
def binget(machine: Machine, pos: int) -> int:
    """Pushes a memorized value."""
    _get(machine, machine.data[pos])
    return pos + 1


@opcode(0x6A, "LONG_BINGET")
def long_binget(machine: Machine, pos: int) -> int:
    """Pushes a memorized value."""
    _get(machine, _unpack_uint(machine.data, pos)[0])
    return pos + 4


@opcode(0x67, "GET")
def get(machine: Machine, pos: int) -> int:
    """Pushes a memorized value."""
    line, pos = machine.line(pos)
    _get(machine, decimal(line))
    return pos


def _get(machine: Machine, index: int) -> None:
    try:
        value = machine.memo[index]
    except KeyError:
        value = machine.inherited[index]
    if type(value) is Global:
        value.pushes += 1
    machine.stack.append(value)


@opcode(0x29, "EMPTY_TUPLE")
def empty_tuple(machine: Machine, pos: int) -> int:
    """Pushes ()."""
    machine.stack.append(())
    return pos


@opcode(0x85, "TUPLE1")
def tuple1(machine: Machine, pos: int) -> int:
    """Makes a tuple of the value on top."""
    stack = machine.stack
    stack[-1] = (stack[-1],)
    return pos


@opcode(0x86, "TUPLE2")
def tuple2(machine: Machine, pos: int) -> int:
    """Makes a tuple of the two values on top."""
    stack = machine.stack
    last = stack.pop()
    stack[-1] = (stack[-1], last)
    return pos


@opcode(0x87, "TUPLE3")
def tuple3(machine: Machine, pos: int) -> int:
    """Makes a tuple of the three values on top."""
    stack = machine.stack
    last, middle = stack.pop(), stack.pop()
    stack[-1] = (stack[-1], middle, last)
    return pos


@opcode(0x74, "TUPLE")
def tuple_(machine: Machine, pos: int) -> int:
    """Makes a tuple of the values since the mark."""
    items = machine.stack
    machine.stack = stack = machine.metastack.pop()
    stack.append(tuple(items))
    return pos


@opcode(0x5D, "EMPTY_LIST")
def empty_list(machine: Machine, pos: int) -> int:
    """Pushes []."""
    machine.stack.append([])
    return pos


@opcode(0x6C, "LIST")
def list_(machine: Machine, pos: int) -> int:
    """Makes a list of the values since the mark."""
    items = pop_mark(machine)
    machine.stack.append(items)
    return pos


@opcode(0x7D, "EMPTY_DICT")
def empty_dict(machine: Machine, pos: int) -> int:
    """Pushes {}."""
    machine.stack.append(Dict([]))
    return pos


@opcode(0x64, "DICT")
def dict_(machine: Machine, pos: int) -> int:
    """Makes a dictionary of the keys and values since the mark."""
    items = pop_mark(machine)
    if len(items) % 2:
        raise Fault("A dictionary has a key without a value.")
    machine.stack.append(Dict(items))
    return pos


@opcode(0x8F, "EMPTY_SET")
def empty_set(machine: Machine, pos: int) -> int:
    """Pushes an empty set."""
    machine.stack.append(Set([]))
    return pos


@opcode(0x91, "FROZENSET")
def frozenset_(machine: Machine, pos: int) -> int:
    """Makes a frozen set of the values since the mark."""
    items = pop_mark(machine)
    machine.stack.append(Set(items))
    return pos


@opcode(0x61, "APPEND")
def append(machine: Machine, pos: int) -> int:
    """Appends the value on top to the list below it."""
    value = machine.stack.pop()
    _fill(machine, machine.stack[-1], [value], "APPEND", pos)
    return pos


@opcode(0x65, "APPENDS")
def appends(machine: Machine, pos: int) -> int:
    """Appends the values since the mark to the list before it."""
    items = pop_mark(machine)
    _fill(machine, machine.stack[-1], items, "APPENDS", pos)
    return pos


@opcode(0x73, "SETITEM")
def setitem(machine: Machine, pos: int) -> int:
    """Puts a key and a value into the dictionary below them."""
    stack = machine.stack
    value = stack.pop()
    key = stack.pop()
    _fill(machine, stack[-1], [key, value], "SETITEM", pos)
    return pos


@opcode(0x75, "SETITEMS")
def setitems(machine: Machine, pos: int) -> int:
    """Puts the keys and values since the mark into the dictionary before it."""
    items = pop_mark(machine)
    _fill(machine, machine.stack[-1], items, "SETITEMS", pos)
    if len(items) % 2:
        raise Fault("A dictionary has a key without a value.")
    return pos


@opcode(0x90, "ADDITEMS")
def additems(machine: Machine, pos: int) -> int:
    """Adds the values since the mark to the set before it."""
    items = pop_mark(machine)
    _fill(machine, machine.stack[-1], items, "ADDITEMS", pos)
    return pos


_PLAIN = (type(None), bool, int, float, str, bytes, tuple)


def _fill(machine: Machine, target: Value, items: list[Value], name: str, pos: int) -> None:
    """Puts `items` into `target`, whatever that is."""
    kind = type(target)
    if kind is list:
        held = target
    elif kind is Dict or kind is Set:
        held = target.items
    else:
        if kind in _PLAIN and kind is not bytes:
            if not items:
                return  # the C unpickler does not look at what nothing is put into
            raise Fault(f"{name} is used on a value that holds no items.")
        machine.trace.fills.append(Effect(target, name, machine.base + pos - 1))
        if kind is not Call:
            return
        if target.items is None:
            target.items = []
        held = target.items
    if len(held) < ITEM_LIMIT:
        held.extend(items)
    elif items:
        machine.trace.shortened = True
