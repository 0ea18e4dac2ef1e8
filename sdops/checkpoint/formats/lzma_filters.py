"""The settings of LZMA and its filters, from the bytes that archives keep them in.

Python's own reader of these bytes ends the process on some of them (CPython 3.11, BCJ without
properties), and is private. Source: lzma-specification.txt and 7zFormat.txt of the LZMA SDK.
"""

from __future__ import annotations

import lzma
import struct
from typing import Any

_MAX_DICTIONARY_BYTES = 64 << 20


def lzma1(properties: bytes) -> dict[str, Any]:
    """LZMA: one byte for lc, lp and pb, four for the dictionary; raises LZMAError if wrong."""
    if len(properties) != 5:
        raise lzma.LZMAError("its LZMA properties are damaged")
    packed, dictionary = struct.unpack("<BI", properties)
    rest, lc = divmod(packed, 9)
    pb, lp = divmod(rest, 5)
    if pb > 4 or lc + lp > 4:
        raise lzma.LZMAError("its LZMA properties are damaged")
    return _checked({"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp,
                     "pb": pb})  # fmt: skip


def lzma2(properties: bytes) -> dict[str, Any]:
    """LZMA2: one byte for the dictionary; raises LZMAError if wrong."""
    if len(properties) != 1 or properties[0] > 40:
        raise lzma.LZMAError("its LZMA2 properties are damaged")
    bits = properties[0]
    dictionary = 0xFFFFFFFF if bits == 40 else (2 | bits & 1) << (bits // 2 + 11)
    return _checked({"id": lzma.FILTER_LZMA2, "dict_size": dictionary})


def delta(properties: bytes) -> dict[str, Any]:
    """The difference to an earlier byte: one byte for the distance."""
    if len(properties) != 1:
        raise lzma.LZMAError("its delta properties are damaged")
    return {"id": lzma.FILTER_DELTA, "dist": properties[0] + 1}


def x86(_properties: bytes) -> dict[str, Any]:
    """Addresses in x86 machine code; without settings."""
    return {"id": lzma.FILTER_X86}


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    if settings["dict_size"] > _MAX_DICTIONARY_BYTES:
        raise lzma.LZMAError("unpacking it takes too much memory")
    return settings | {"dict_size": max(settings["dict_size"], 4096)}
