# ruff: noqa: E501
"""Files that try to keep a scanner busy, fill its memory, or make it give up."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Iterator

from tests.checkpoint.corpus.sample import (
    DANGEROUS,
    SAFE,
    SYSTEM,
    UNREADABLE,
    Sample,
    name,
)


def samples() -> Iterator[Sample]:
    """The samples; most are harmless to load and only must not stop the scan."""
    yield Sample("deep-marks", b"\x80\x02" + b"(" * 200_000 + SYSTEM + b".", UNREADABLE)
    yield Sample("deep-tuples", b"\x80\x02N" + b"\x85" * 500_000 + b"0" + SYSTEM + b".", DANGEROUS)
    yield Sample("many-dups", b"\x80\x02N" + b"2" * 1_000_000 + SYSTEM + b".", UNREADABLE)
    yield Sample("deep-lists", b"\x80\x02" + b"](" * 60_000 + b"." * 2, UNREADABLE)
    doubling = b"\x80\x02]" + b"2a" * 20 + b"0N." + b"\x80\x02" + SYSTEM + b"."
    yield Sample("self-containing-list", doubling, DANGEROUS)
    tuples = b"\x80\x02)" + b"2\x86" * 3000 + b"0" + SYSTEM + b"."
    yield Sample("tuple-of-itself-shared", tuples, DANGEROUS)
    yield Sample("tuple-in-tuple-arguments",
                 b"\x80\x02" + name("os", "system") + b")" + b"2\x86" * 2000 + b"R.", DANGEROUS)  # fmt: skip
    yield Sample("length-beyond-file", b"\x80\x02" + SYSTEM + b"0X\xff\xff\xff\x7fabc", DANGEROUS)
    yield Sample("length-beyond-memory",
                 b"\x80\x04" + SYSTEM + b"0\x8d" + b"\xff" * 8 + b"abc", DANGEROUS)  # fmt: skip
    yield Sample("negative-length", b"\x80\x02" + SYSTEM + b"0T\xff\xff\xff\xff", DANGEROUS)
    yield Sample("memo-far", b"\x80\x02Nr\xff\xff\xff\x7f" + SYSTEM + b".", DANGEROUS)
    digits = b"\x80\x02L" + b"9" * 200_000 + b"L\n0" + SYSTEM + b"."
    yield Sample("long-number", digits, DANGEROUS)
    yield Sample("long-line", b"\x80\x02" + SYSTEM + b"0V" + b"a" * 3_000_000, DANGEROUS)
    yield Sample("many-streams", b"\x80\x02N." * 5000 + b"\x80\x02" + SYSTEM + b".", DANGEROUS)
    zeros = gzip.compress(b"\0" * (80 << 20), 9, mtime=0)
    yield Sample("gzip-bomb", zeros, UNREADABLE, ".gz")
    yield Sample("gzip-in-gzip", _layers(b"\x80\x02" + SYSTEM + b".", 3), DANGEROUS, ".gz")
    yield Sample("gzip-too-deep", _layers(b"\x80\x02" + SYSTEM + b".", 12), UNREADABLE, ".gz")
    yield Sample("zip-bomb", _zip_bomb(), UNREADABLE, ".zip")
    claims = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60000, 60000, 0xFFFFFFF0, 0, 0)
    yield Sample("zip-claims-much", b"PK\3\4" + b"\0" * 60 + claims, UNREADABLE, ".pt")
    huge = struct.pack("<Q", 99_000_000) + b"{" + b" " * 100
    yield Sample("safetensors-header-claims-much", huge, UNREADABLE, ".safetensors")
    deep = b'{"a":' * 50_000
    yield Sample("safetensors-deep-json", struct.pack("<Q", len(deep)) + deep, UNREADABLE,
                 ".safetensors")  # fmt: skip
    lists = b'{"a":[' + b"[]," * 1_000_000 + b"[]]}"
    yield Sample("safetensors-many-values", struct.pack("<Q", len(lists)) + lists, UNREADABLE,
                 ".safetensors")  # fmt: skip
    gguf = b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1 << 60)
    yield Sample("gguf-claims-much", gguf, UNREADABLE, ".gguf")


def harmless() -> Iterator[Sample]:
    """Long and odd files that are fine."""
    numbers = b"\x80\x02](" + b"K\x01" * 300_000 + b"e."
    yield Sample("long-list", numbers, SAFE)
    yield Sample("unused-frame", b"\x80\x04\x95\x02\0\0\0\0\0\0\0N.", SAFE)
    yield Sample("suspicious-none", b"\x80\x02N.", SAFE)


def _layers(data: bytes, count: int) -> bytes:
    for _ in range(count):
        data = gzip.compress(data, mtime=0)
    return data


def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\0" * (100 << 20))
    return file.getvalue()
