"""GGUF: key-value metadata, then tensors; nothing in it can be run.

Source: ggml/docs/gguf.md.
"""

from __future__ import annotations

import struct
from typing import Any

from sdops.checkpoint.files.source import Source
from sdops.checkpoint.formats.contents import Contents
from sdops.checkpoint.formats.safetensors import row_major
from sdops.checkpoint.types import Container, Storage, Tensor

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q",
            11: "<q", 12: "<d"}  # fmt: skip
_STRING, _ARRAY = 8, 9
# ggml type: name, elements per block, bytes per block (ggml/src/ggml.c, type_traits).
_TYPES = {0: ("float32", 1, 4), 1: ("float16", 1, 2), 2: ("q4_0", 32, 18), 3: ("q4_1", 32, 20),
          6: ("q5_0", 32, 22), 7: ("q5_1", 32, 24), 8: ("q8_0", 32, 34), 9: ("q8_1", 32, 36),
          10: ("q2_k", 256, 84), 11: ("q3_k", 256, 110), 12: ("q4_k", 256, 144),
          13: ("q5_k", 256, 176), 14: ("q6_k", 256, 210), 15: ("q8_k", 256, 292),
          24: ("int8", 1, 1), 25: ("int16", 1, 2), 26: ("int32", 1, 4), 27: ("int64", 1, 8),
          28: ("float64", 1, 8), 30: ("bfloat16", 1, 2)}  # fmt: skip
_MAX_PAIRS = 10_000
_MAX_TENSORS = 50_000
_MAX_VALUES = 1_000_000
_MAX_HEADER_BYTES = 64 << 20
_SHOWN_CHARACTERS = 2000


class _DamagedError(Exception):
    pass


class _Cursor:
    """Reads little-endian values one after another through a window."""

    def __init__(self, source: Source, offset: int) -> None:
        self._source, self._base, self._at = source, offset, 0
        self.values = 0
        """How many values arrays held so far."""
        self._data = source.read(offset, 1 << 20)

    @property
    def offset(self) -> int:
        return self._base + self._at

    def bytes(self, size: int) -> bytes:
        if self.offset + size > min(self._source.size, _MAX_HEADER_BYTES):
            raise _DamagedError("it is cut off or too large")
        if self._at + size > len(self._data):
            self._base, self._at = self.offset, 0
            self._data = self._source.read(self._base, max(1 << 20, size))
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.bytes(struct.calcsize(layout)))[0]

    def text(self) -> str:
        return self.bytes(self.number("<Q")).decode("utf-8", "replace")


def recognize(head: bytes, _source: Source) -> Container | None:
    """By its signature."""
    if head.startswith(b"GGUF"):
        return Container.GGUF
    return Container.HDF5 if head.startswith(b"\x89HDF\r\n\x1a\n") else None


def read(source: Source, container: Container) -> Contents:
    """Metadata and tensors of a GGUF file; HDF5 is recognized but not read."""
    contents = Contents(container)
    if container is Container.HDF5:
        contents.problem(
            "not-readable-here", "HDF5 (Keras) files are not read by sdops.", blocking=True
        )
        return contents
    try:
        _read_header(source, contents)
    except (_DamagedError, struct.error, MemoryError) as error:
        contents.problem("header-damaged", f"The GGUF header is damaged: {error}.", blocking=True)
    return contents


def _read_header(source: Source, contents: Contents) -> None:
    cursor = _Cursor(source, 4)
    version = cursor.number("<I")
    if version not in (2, 3):
        raise _DamagedError(f"version {version} is not known")
    tensors, pairs = cursor.number("<Q"), cursor.number("<Q")
    if tensors > _MAX_TENSORS or pairs > _MAX_PAIRS:
        raise _DamagedError("it claims too many entries")
    alignment = 32
    for _ in range(pairs):
        key = cursor.text()
        value = _value(cursor, cursor.number("<I"), 0)
        contents.metadata[key] = str(value)[:_SHOWN_CHARACTERS]
        if key == "general.alignment" and isinstance(value, int) and 0 < value <= 1 << 20:
            alignment = value
    entries = [_entry(cursor) for _ in range(tensors)]
    start = -(-cursor.offset // alignment) * alignment
    cut = 0
    for name, shape, kind, offset in entries:
        dtype, block, block_bytes = _TYPES.get(kind, (f"ggml-type-{kind}", 1, 0))
        count = 1
        for size in shape:
            count *= size
        nbytes = count // block * block_bytes
        if start + offset + nbytes > source.size:
            cut = max(cut, start + offset + nbytes - source.size)
        storage = Storage(name, dtype, start + offset, nbytes)
        tensor = Tensor(name, dtype, shape, row_major(shape), storage, path=(name,))
        contents.tensors.append(tensor)
    if cut:
        contents.cut(cut, offset=source.size)


def _entry(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name = cursor.text()
    dimensions = cursor.number("<I")
    if dimensions > 8:
        raise _DamagedError("a tensor has too many dimensions")
    # ggml lists the fastest dimension first.
    shape = tuple(cursor.number("<Q") for _ in range(dimensions))[::-1]
    return name, shape, cursor.number("<I"), cursor.number("<Q")


def _value(cursor: _Cursor, kind: int, depth: int) -> Any:
    if kind in _SCALARS:
        return cursor.number(_SCALARS[kind])
    if kind == _STRING:
        return cursor.text()
    if kind != _ARRAY or depth > 4:
        raise _DamagedError(f"a value has the unknown type {kind}")
    item, count = cursor.number("<I"), cursor.number("<Q")
    if item in _SCALARS:
        cursor.bytes(struct.calcsize(_SCALARS[item]) * count)
    else:
        cursor.values += count
        if cursor.values > _MAX_VALUES:
            raise _DamagedError("it claims too many values")
        for _ in range(count):
            _value(cursor, item, depth + 1)
    return f"{count} values"
