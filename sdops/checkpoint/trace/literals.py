"""Opcodes that push a number, a text or bytes."""

from __future__ import annotations

import codecs
import struct

from sdops.checkpoint.trace.machine import Fault, Machine, opcode
from sdops.checkpoint.trace.values import Blob, Unknown, Value

_MAX_DIGITS = 400
_MAX_LONG_BYTES = 128
_unpack_int = struct.Struct("<i").unpack_from
_unpack_uint = struct.Struct("<I").unpack_from
_unpack_size = struct.Struct("<Q").unpack_from
_unpack_double = struct.Struct(">d").unpack_from
_MAX_SIZE = (1 << 63) - 1


@opcode(0x4E, "NONE")
def none(machine: Machine, pos: int) -> int:
    """Pushes None."""
    machine.stack.append(None)
    return pos


@opcode(0x88, "NEWTRUE")
def newtrue(machine: Machine, pos: int) -> int:
    """Pushes True."""
    machine.stack.append(True)
    return pos


@opcode(0x89, "NEWFALSE")
def newfalse(machine: Machine, pos: int) -> int:
    """Pushes False."""
    machine.stack.append(False)
    return pos


@opcode(0x4B, "BININT1")
def binint1(machine: Machine, pos: int) -> int:
    """Pushes a one-byte number."""
    machine.stack.append(machine.data[pos])
    return pos + 1


@opcode(0x4D, "BININT2")
def binint2(machine: Machine, pos: int) -> int:
    """Pushes a two-byte number."""
    data = machine.data
    machine.stack.append(data[pos] | data[pos + 1] << 8)
    return pos + 2


@opcode(0x4A, "BININT")
def binint(machine: Machine, pos: int) -> int:
    """Pushes a signed four-byte number."""
    machine.stack.append(_unpack_int(machine.data, pos)[0])
    return pos + 4


@opcode(0x47, "BINFLOAT")
def binfloat(machine: Machine, pos: int) -> int:
    """Pushes an eight-byte float."""
    machine.stack.append(_unpack_double(machine.data, pos)[0])
    return pos + 8


@opcode(0x49, "INT")
def int_(machine: Machine, pos: int) -> int:
    """Pushes a number in decimal digits, or a bool as `00` or `01`."""
    line, pos = machine.line(pos)
    value: Value = _number(line)
    if line in (b"00", b"01"):
        value = line == b"01"
    elif line.lstrip(b"+- \t")[:1] == b"0" and len(line) > 1:
        # The C unpickler reads 010 as octal, the Python one refuses it.
        value = Unknown("number")
    machine.stack.append(value)
    return pos


@opcode(0x4C, "LONG")
def long_(machine: Machine, pos: int) -> int:
    """Pushes a number in digits, with an L after it."""
    line, pos = machine.line(pos)
    machine.stack.append(_number(line.removesuffix(b"L")))
    return pos


@opcode(0x46, "FLOAT")
def float_(machine: Machine, pos: int) -> int:
    """Pushes a float in digits."""
    line, pos = machine.line(pos)
    try:
        machine.stack.append(float(line.split(b"\0")[0][:_MAX_DIGITS]))
    except ValueError:
        machine.stack.append(Unknown("number"))
    return pos


@opcode(0x8A, "LONG1")
def long1(machine: Machine, pos: int) -> int:
    """Pushes a number of up to 255 bytes."""
    return _long(machine, pos + 1, machine.data[pos])


@opcode(0x8B, "LONG4")
def long4(machine: Machine, pos: int) -> int:
    """Pushes a number of up to 2 GiB."""
    size = _unpack_int(machine.data, pos)[0]
    if size < 0:
        raise Fault("A number has a negative length.")
    return _long(machine, pos + 4, size)


def _long(machine: Machine, pos: int, size: int) -> int:
    data, pos = machine.take(pos, size, None)
    if isinstance(data, Blob) or size > _MAX_LONG_BYTES:
        machine.stack.append(Unknown("number"))
    else:
        machine.stack.append(int.from_bytes(data, "little", signed=True))
    return pos


@opcode(0x58, "BINUNICODE")
def binunicode(machine: Machine, pos: int) -> int:
    """Pushes text with a four-byte length."""
    return _text(machine, pos + 4, _unpack_uint(machine.data, pos)[0])


@opcode(0x8C, "SHORT_BINUNICODE")
def short_binunicode(machine: Machine, pos: int) -> int:
    """Pushes text with a one-byte length."""
    return _text(machine, pos + 1, machine.data[pos])


@opcode(0x8D, "BINUNICODE8")
def binunicode8(machine: Machine, pos: int) -> int:
    """Pushes text with an eight-byte length."""
    return _text(machine, pos + 8, _size(machine, pos))


def _text(machine: Machine, pos: int, size: int) -> int:
    data, pos = machine.take(pos, size, "utf-8")
    if isinstance(data, bytes):
        try:
            machine.stack.append(data.decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            machine.stack.append(Unknown("text"))
    else:
        machine.stack.append(data)
    return pos


@opcode(0x56, "UNICODE")
def unicode_(machine: Machine, pos: int) -> int:
    """Pushes text in raw-unicode-escape, to the end of the line."""
    start = machine.base + pos
    line, pos = machine.line(pos)
    if len(line) > machine.inline:
        machine.stack.append(Blob(start, len(line), "raw-unicode-escape"))
        return pos
    machine.text_bytes += len(line)
    try:
        machine.stack.append(line.decode("raw-unicode-escape"))
    except UnicodeDecodeError:
        machine.stack.append(Unknown("text"))
    return pos


@opcode(0x53, "STRING")
def string(machine: Machine, pos: int) -> int:
    """Pushes a quoted Python 2 string, to the end of the line."""
    line, pos = machine.line(pos)
    if len(line) < 2 or line[0] != line[-1] or line[0] not in b"\"'":
        raise Fault("A string has no quotes.")
    machine.text_bytes += len(line)
    try:
        data: bytes = codecs.escape_decode(line[1:-1])[0]
    except ValueError:
        machine.stack.append(Unknown("text"))
        return pos
    machine.stack.append(_python2_text(data))
    return pos


@opcode(0x54, "BINSTRING")
def binstring(machine: Machine, pos: int) -> int:
    """Pushes a Python 2 string with a four-byte length."""
    size = _unpack_int(machine.data, pos)[0]
    if size < 0:
        raise Fault("A string has a negative length.")
    return _string(machine, pos + 4, size)


@opcode(0x55, "SHORT_BINSTRING")
def short_binstring(machine: Machine, pos: int) -> int:
    """Pushes a Python 2 string with a one-byte length."""
    return _string(machine, pos + 1, machine.data[pos])


def _string(machine: Machine, pos: int, size: int) -> int:
    data, pos = machine.take(pos, size, "latin-1")
    machine.stack.append(_python2_text(data) if isinstance(data, bytes) else data)
    return pos


def _python2_text(data: bytes) -> str:
    # torch reads Python 2 strings as UTF-8, numpy as latin-1; names that matter are ASCII.
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@opcode(0x42, "BINBYTES")
def binbytes(machine: Machine, pos: int) -> int:
    """Pushes bytes with a four-byte length."""
    return _bytes(machine, pos + 4, _unpack_uint(machine.data, pos)[0])


@opcode(0x43, "SHORT_BINBYTES")
def short_binbytes(machine: Machine, pos: int) -> int:
    """Pushes bytes with a one-byte length."""
    return _bytes(machine, pos + 1, machine.data[pos])


@opcode(0x8E, "BINBYTES8")
def binbytes8(machine: Machine, pos: int) -> int:
    """Pushes bytes with an eight-byte length."""
    return _bytes(machine, pos + 8, _size(machine, pos))


@opcode(0x96, "BYTEARRAY8")
def bytearray8(machine: Machine, pos: int) -> int:
    """Pushes a bytearray with an eight-byte length."""
    return _bytes(machine, pos + 8, _size(machine, pos))


def _bytes(machine: Machine, pos: int, size: int) -> int:
    data, pos = machine.take(pos, size, None)
    machine.stack.append(data)
    return pos


@opcode(0x97, "NEXT_BUFFER")
def next_buffer(machine: Machine, pos: int) -> int:
    """Pushes the loader's next out-of-band buffer."""
    machine.stack.append(Unknown("buffer"))
    return pos


@opcode(0x98, "READONLY_BUFFER")
def readonly_buffer(machine: Machine, pos: int) -> int:
    """Makes the buffer on top read-only."""
    machine.stack[-1] = machine.stack[-1]
    return pos


def _size(machine: Machine, pos: int) -> int:
    size: int = _unpack_size(machine.data, pos)[0]
    if size > _MAX_SIZE:
        raise Fault("A length is beyond all memory.")
    return size


def decimal(line: bytes) -> int:
    """The memo index in `line`; raises ValueError as both unpicklers do."""
    # The C unpickler's number ends at a NUL.
    return int(line.split(b"\0")[0][:_MAX_DIGITS])


def _number(line: bytes) -> Value:
    try:
        return int(line.split(b"\0")[0], 0) if len(line) <= _MAX_DIGITS else Unknown("number")
    except ValueError:
        return Unknown("number")
