"""One sample, and an assembler for pickles that no pickler writes."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass

DANGEROUS, SUSPICIOUS, UNREADABLE, SAFE = "dangerous", "suspicious", "unreadable", "safe"
COMMAND = "echo sdops"


@dataclass(frozen=True)
class Sample:
    """A file's bytes, and the least that must be said about it."""

    name: str
    data: bytes
    verdict: str
    suffix: str = ".pkl"


def text(value: str) -> bytes:
    """Pushes a text (BINUNICODE)."""
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def short(value: str) -> bytes:
    """Pushes a short text (SHORT_BINUNICODE)."""
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def name(module: str, attribute: str) -> bytes:
    """Imports by GLOBAL."""
    return f"c{module}\n{attribute}\n".encode()


def stack_name(module: str, attribute: str) -> bytes:
    """Imports by STACK_GLOBAL."""
    return short(module) + short(attribute) + b"\x93"


def call(module: str, attribute: str, *arguments: str, protocol: int = 2) -> bytes:
    """A whole pickle that calls `module.attribute(*arguments)`."""
    importer = stack_name if protocol >= 4 else name
    pushed = b"".join(text(argument) for argument in arguments)
    return (
        bytes([0x80, protocol]) + importer(module, attribute) + b"(" + pushed + b"t" + b"R" + b"."
    )


def system(protocol: int = 2) -> bytes:
    """A whole pickle that runs the harmless command."""
    return call("os", "system", COMMAND, protocol=protocol)


# The smallest body that runs the command, without header and STOP.
SYSTEM = name("os", "system") + text(COMMAND) + b"\x85R"


def make_zip(
    members: dict[str, bytes], method: int = zipfile.ZIP_STORED, comment: bytes = b""
) -> bytes:
    """An archive with fixed dates."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
        archive.comment = comment
    return file.getvalue()


def torch_zip(pickle: bytes, **more: bytes) -> bytes:
    """The members of a torch checkpoint, around `pickle`."""
    return make_zip({"x/data.pkl": pickle, "x/version": b"3\n", "x/byteorder": b"little"} | more)


def patch(data: bytes, signature: bytes, field: int, value: bytes, which: int = 0) -> bytes:
    """`data` with bytes at `field` of the `which`th record of that signature replaced."""
    at = -1
    for _ in range(which + 1):
        at = data.index(signature, at + 1)
    return data[: at + field] + value + data[at + field + len(value) :]
