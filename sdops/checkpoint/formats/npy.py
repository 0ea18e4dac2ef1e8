"""numpy's .npy: a header, then an array, or a pickle where the array holds Python objects.

Source: numpy/lib/format.py.
"""

from __future__ import annotations

import ast
import re
from functools import partial
from typing import Any

from sdops.checkpoint.dtypes import BY_NUMPY
from sdops.checkpoint.files.source import Part, Source
from sdops.checkpoint.formats.contents import Contents, Nested
from sdops.checkpoint.formats.safetensors import row_major
from sdops.checkpoint.trace.streams import read_streams
from sdops.checkpoint.types import Container, Storage, Tensor

_MAGIC = b"\x93NUMPY"
_MAX_HEADER_BYTES = 1 << 16
_MOST_ARRAYS = 10_000
_SHORTEST_HEADER = 10
_VERSIONS = (b"\x01\x00", b"\x02\x00", b"\x03\x00")
_PLAIN = re.compile(r"[<>|=]?([?biufcSUmMV])(\d{0,9})(\[\w+\])?$")


def recognize(head: bytes, _source: Source) -> Container | None:
    """By its signature."""
    return Container.NPY if head.startswith(_MAGIC) else None


def read(source: Source, container: Container) -> Contents:
    """The arrays that stand one after another: their headers, or the traces of their pickles.

    A program that calls `numpy.load` on an open file again reads what stands behind an array.
    """
    contents = Contents(container)
    offset = 0
    for _ in range(_MOST_ARRAYS):
        end = _read_array(source, offset, contents)
        if end is None or end >= source.size:
            return contents
        offset = end
        if source.read(offset, len(_MAGIC)) != _MAGIC:
            rest = partial(Part, source, offset, source.size - offset)
            contents.nested.append(Nested("(behind the array)", rest))
            return contents
    contents.problem("unpacking-limit", f"More than {_MOST_ARRAYS} arrays follow one another.",
                     blocking=True)  # fmt: skip
    return contents


def _read_array(source: Source, offset: int, contents: Contents) -> int | None:
    """Adds the array at `offset`; returns where it ends, or None where that is not known."""
    found = _header(source, offset)
    if found is None:
        contents.problem("header-damaged", "The array's header is damaged.", offset=offset,
                         blocking=True)  # fmt: skip
        found = "O", (), False, offset + _SHORTEST_HEADER  # to see what else may be read there
    word, shape, fortran, start = found
    if _may_hold_objects(word):
        traces = list(read_streams(source, start))
        contents.traces.extend(traces)
        return source.size
    size = _item_bytes(word)
    for length in shape:
        size *= length
    dtype = BY_NUMPY.get(word[1:]) if isinstance(word, str) else None
    if dtype is not None and offset == 0:
        big_endian = word.startswith(">")
        contents.tensors.append(_tensor(dtype.name, shape, fortran, start, big_endian))
    if size > source.size - start:
        contents.cut(size + start - source.size)
        return None
    return start + size


def _header(source: Source, offset: int) -> tuple[Any, tuple[int, ...], bool, int] | None:
    """Element type, shape, order and the data's place, as the header says; None if it does not."""
    head = source.read(offset, 12)
    if len(head) < 10 or head[6:8] not in _VERSIONS:
        return None
    wide = head[6] >= 2
    size = int.from_bytes(head[8:12] if wide else head[8:10], "little")
    start = offset + (12 if wide else 10)
    if size > _MAX_HEADER_BYTES:
        return None
    try:
        text = source.read(start, size).decode("utf-8" if head[6] == 3 else "latin-1")
        header = ast.literal_eval(text.strip())
        word, shape, fortran = header["descr"], header["shape"], header["fortran_order"]
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        return None
    if not isinstance(shape, tuple) or any(type(item) is not int or item < 0 for item in shape):
        return None
    return word, shape, bool(fortran), start + size


def _may_hold_objects(word: object) -> bool:
    """Whether numpy may unpickle the data.

    It does wherever some part of an element is a Python object or text of any length ("T"), so
    every word counts that is not known to be plain.
    """
    if isinstance(word, str):
        return _PLAIN.match(word) is None
    if isinstance(word, tuple):
        return not word or _may_hold_objects(word[0])
    if not isinstance(word, list):
        return True
    return any(
        not isinstance(field, tuple) or len(field) < 2 or _may_hold_objects(field[1])
        for field in word
    )


def _item_bytes(word: Any) -> int:
    """The size of an element of a plain type, in bytes."""
    if isinstance(word, str):
        found = _PLAIN.match(word)
        digits = int(found.group(2) or 1) if found else 0
        return digits * (4 if found and found.group(1) == "U" else 1)
    if isinstance(word, tuple):
        return _item_bytes(word[0]) * _count(word[1] if len(word) > 1 else ())
    return sum(_item_bytes(field[1]) * _count(field[2] if len(field) > 2 else ()) for field in word)


def _count(shape: Any) -> int:
    count = 1
    for length in shape if isinstance(shape, tuple) else (shape,):
        count *= length if type(length) is int and length >= 0 else 1
    return count


def _tensor(
    dtype: str, shape: tuple[int, ...], fortran: bool, offset: int, big_endian: bool
) -> Tensor:
    strides = row_major(shape[::-1])[::-1] if fortran else row_major(shape)
    size = next(item.size_bytes for item in BY_NUMPY.values() if item.name == dtype)
    for length in shape:
        size *= length
    storage = Storage("array", dtype, offset, size, big_endian)
    return Tensor("array", dtype, shape, strides, storage, path=("array",))
