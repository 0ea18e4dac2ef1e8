"""Opcodes that import, call, or change an object: what makes a pickle a program."""

from __future__ import annotations

import struct

from sdops.checkpoint.trace.machine import Fault, Machine, opcode
from sdops.checkpoint.trace.structure import pop_mark
from sdops.checkpoint.trace.values import Blob, Call, Effect, Global, Persistent, Unknown, Value

_unpack_short = struct.Struct("<H").unpack_from
_unpack_int = struct.Struct("<i").unpack_from
_MAX_NAME_BYTES = 500


@opcode(0x63, "GLOBAL")
def global_(machine: Machine, pos: int) -> int:
    """Imports what the next two lines name."""
    start = pos - 1 + machine.base
    module, pos = machine.line(pos)
    name, pos = machine.line(pos)
    machine.stack.append(_global(machine, _name(module), _name(name), start, "GLOBAL"))
    return pos


@opcode(0x93, "STACK_GLOBAL")
def stack_global(machine: Machine, pos: int) -> int:
    """Imports what the two values on top name."""
    stack = machine.stack
    name = stack.pop()
    module = stack[-1]
    start = machine.base + pos - 1
    if isinstance(name, str) and isinstance(module, str):
        stack[-1] = _global(machine, module, name, start, "STACK_GLOBAL")
        return pos
    for part in (module, name):
        if not isinstance(part, (str, Blob, Call, Unknown, Persistent, Global)):
            raise Fault("An import is not named by text.")
    stack[-1] = Unknown("computed import")
    machine.trace.computed.append(Effect((module, name), "STACK_GLOBAL", start))
    return pos


def _name(line: bytes) -> str:
    # No name is this long; what it would be, is not in the policy either way.
    return line[:_MAX_NAME_BYTES].decode("utf-8", "backslashreplace")


def _global(machine: Machine, module: str, name: str, offset: int, by: str) -> Global:
    trace = machine.trace
    key = (module, name, trace.protocol < 3)
    known = trace.globals.get(key)
    if known is None:
        known = trace.globals[key] = Global(module, name, offset, by, trace.protocol)
    known.pushes += 1
    return known


@opcode(0x82, "EXT1")
def ext1(machine: Machine, pos: int) -> int:
    """Pushes what is registered under a one-byte extension code."""
    return _extension(machine, pos, pos + 1, machine.data[pos], "EXT1")


@opcode(0x83, "EXT2")
def ext2(machine: Machine, pos: int) -> int:
    """Pushes what is registered under a two-byte extension code."""
    return _extension(machine, pos, pos + 2, _unpack_short(machine.data, pos)[0], "EXT2")


@opcode(0x84, "EXT4")
def ext4(machine: Machine, pos: int) -> int:
    """Pushes what is registered under a four-byte extension code."""
    return _extension(machine, pos, pos + 4, _unpack_int(machine.data, pos)[0], "EXT4")


def _extension(machine: Machine, pos: int, following: int, code: int, name: str) -> int:
    if code <= 0:
        raise Fault("An extension code is not positive.")
    machine.stack.append(Unknown(f"extension code {code}"))
    machine.trace.computed.append(Effect(code, name, machine.base + pos - 1))
    return following


@opcode(0x50, "PERSID")
def persid(machine: Machine, pos: int) -> int:
    """Asks the loader for the object with the id on the line."""
    start = machine.base + pos - 1
    line, pos = machine.line(pos)
    if not line.isascii():
        raise Fault("A persistent id is not ASCII.")
    _persistent(machine, line.decode("ascii"), start)
    return pos


@opcode(0x51, "BINPERSID")
def binpersid(machine: Machine, pos: int) -> int:
    """Asks the loader for the object with the id on top."""
    _persistent(machine, machine.stack.pop(), machine.base + pos - 1)
    return pos


def _persistent(machine: Machine, persistent_id: Value, offset: int) -> None:
    value = Persistent(persistent_id, offset)
    machine.trace.persistent.append(value)
    machine.stack.append(_named_by_id(persistent_id) or value)


def _named_by_id(persistent_id: Value) -> Global | None:
    """The class in an id of a module saved whole, which torch's loader returns as it is.

    Source: torch/serialization.py: `("module", class, file, source)` in `_legacy_load`,
    `(class, file, source)` in `legacy_load`.
    """
    if not isinstance(persistent_id, tuple) or not 3 <= len(persistent_id) <= 4:
        return None
    if len(persistent_id) == 4 and not isinstance(persistent_id[0], (str, bytes)):
        return None
    named = persistent_id[-3]
    if type(named) is not Global:
        return None
    named.pushes += 1
    return named


def _call(
    machine: Machine, callee: Value, args: Value, kwargs: Value, offset: int, by: str
) -> Call:
    if type(callee) is Global:
        callee.calls += 1
    call = Call(callee, args, kwargs, offset, by)
    machine.trace.calls.append(call)
    return call


@opcode(0x52, "REDUCE")
def reduce(machine: Machine, pos: int) -> int:
    """Calls the value below the top with the tuple on top."""
    stack = machine.stack
    args = stack.pop()
    stack[-1] = _call(machine, stack[-1], args, None, machine.base + pos - 1, "REDUCE")
    return pos


@opcode(0x81, "NEWOBJ")
def newobj(machine: Machine, pos: int) -> int:
    """Makes an object of the class below the top with the tuple on top."""
    stack = machine.stack
    args = stack.pop()
    stack[-1] = _call(machine, stack[-1], args, None, machine.base + pos - 1, "NEWOBJ")
    return pos


@opcode(0x92, "NEWOBJ_EX")
def newobj_ex(machine: Machine, pos: int) -> int:
    """Makes an object of a class with a tuple and a dictionary of arguments."""
    stack = machine.stack
    kwargs = stack.pop()
    args = stack.pop()
    stack[-1] = _call(machine, stack[-1], args, kwargs, machine.base + pos - 1, "NEWOBJ_EX")
    return pos


@opcode(0x69, "INST")
def inst(machine: Machine, pos: int) -> int:
    """Calls what two lines name with the values since the mark."""
    start = machine.base + pos - 1
    module, pos = machine.line(pos)
    name, pos = machine.line(pos)
    # The Python unpickler imports before it looks for the mark, the C one after.
    callee = _global(machine, _name(module), _name(name), start, "INST")
    args = tuple(pop_mark(machine))
    machine.stack.append(_call(machine, callee, args, None, start, "INST"))
    return pos


@opcode(0x6F, "OBJ")
def obj(machine: Machine, pos: int) -> int:
    """Calls the first value since the mark with the others."""
    items = pop_mark(machine)
    call = _call(machine, items[0], tuple(items[1:]), None, machine.base + pos - 1, "OBJ")
    machine.stack.append(call)
    return pos


@opcode(0x62, "BUILD")
def build(machine: Machine, pos: int) -> int:
    """Gives the object below the top the state on top."""
    state = machine.stack.pop()
    target = machine.stack[-1]
    if type(target) is Call:
        target.state = state
    machine.trace.builds.append(Effect(target, "BUILD", machine.base + pos - 1, state))
    return machine.after_build(target, state, pos)
