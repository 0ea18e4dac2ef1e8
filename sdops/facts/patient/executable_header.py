"""Tells bitness and processor of a program from the first bytes of its file: ELF, PE or Mach-O."""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass

from sdops.facts.files import read_head

_HEAD_BYTES = 4096
_X86_64, _ARM64, _X86, _ARM = "x86_64", "arm64", "x86", "arm"
_ELF_MACHINES = {3: _X86, 40: _ARM, 62: _X86_64, 183: _ARM64}
"""`e_machine` in elf.h."""
_PE_MACHINES = {0x014C: _X86, 0x01C4: _ARM, 0x8664: _X86_64, 0xAA64: _ARM64}
"""`IMAGE_FILE_HEADER.Machine` in the PE format specification."""
_MACH_MACHINES = {7: _X86, 12: _ARM, 0x01000007: _X86_64, 0x0100000C: _ARM64}
"""`cputype` in mach/machine.h."""
_VERSION_MAGIC = b"\xbd\x04\xef\xfe\x00\x00\x01\x00"
"""`VS_FIXEDFILEINFO.dwSignature` and `dwStrucVersion`, with which a Windows version begins."""
_WINDOWS_LIMIT_BYTES = 8 * 1024 * 1024
_BITS = {_X86: 32, _ARM: 32, _X86_64: 64, _ARM64: 64}


@dataclass(frozen=True, slots=True)
class Header:
    """What a program's file says that it runs on."""

    bits: int | None
    machine: str | None
    """`x86_64`, `arm64`, `x86` or `arm`."""


def read(path: str) -> Header | None:
    """The header of the program at `path`, or None if it is none that is known.

    Raises:
        OSError: the file is missing or not readable.
    """
    return parse(read_head(path, _HEAD_BYTES))


def parse(head: bytes) -> Header | None:
    """The header at the start of a program's file, or None if it is none that is known."""
    try:
        if head.startswith(b"\x7fELF"):
            return _elf(head)
        if head.startswith(b"MZ"):
            return _pe(head)
        return _mach(head)
    except (struct.error, IndexError):
        return None


def python_version(path: str) -> str | None:
    """The version in the resources of a Windows `python.exe`, `3.10.6`, or None.

    CPython's `PC/python_ver_rc.h`: the third number is a thousand times the micro version, plus
    the release level and serial.

    Raises:
        OSError: the file is missing or not readable.
    """
    content = read_head(path, _WINDOWS_LIMIT_BYTES)
    start = content.find(_VERSION_MAGIC) if content.startswith(b"MZ") else -1
    if start < 0 or len(content) < start + 16:
        return None
    minor, major, _, third = struct.unpack_from("<4H", content, start + 8)
    return f"{major}.{minor}.{third // 1000}" if major == 3 else None


def _elf(head: bytes) -> Header:
    order = ">" if head[5] == 2 else "<"
    (machine,) = struct.unpack_from(f"{order}H", head, 18)
    return Header({1: 32, 2: 64}.get(head[4]), _ELF_MACHINES.get(machine))


def _pe(head: bytes) -> Header | None:
    (offset,) = struct.unpack_from("<I", head, 0x3C)
    if head[offset : offset + 4] != b"PE\0\0":
        return None
    (code,) = struct.unpack_from("<H", head, offset + 4)
    return _known(_PE_MACHINES.get(code))


def _mach(head: bytes) -> Header | None:
    magic = head[:4]
    if magic in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"):
        return _known(_MACH_MACHINES.get(struct.unpack_from("<I", head, 4)[0]))
    if magic != b"\xca\xfe\xba\xbe":
        return None
    (count,) = struct.unpack_from(">I", head, 4)
    if count > 8:  # a Java class file has the same magic, and its version number here
        return None
    slices = [struct.unpack_from(">I", head, 8 + 20 * index)[0] for index in range(count)]
    machines = [_MACH_MACHINES[code] for code in slices if code in _MACH_MACHINES]
    native = {"arm64": _ARM64, "x86_64": _X86_64}.get(platform.machine())
    return _known(native if native in machines else next(iter(machines), None))


def _known(machine: str | None) -> Header | None:
    return Header(_BITS[machine], machine) if machine else None
