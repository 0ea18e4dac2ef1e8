"""numpy's .npy: a header, then an array, or a pickle where the array holds Python objects.

Source: numpy/lib/format.py.
"""

from __future__ import annotations

import ast
import struct

from sdops.checkpoint.dtypes import BY_NUMPY
from sdops.checkpoint.files.source import Source
from sdops.checkpoint.formats.contents import Contents
from sdops.checkpoint.formats.safetensors import row_major
from sdops.checkpoint.trace.streams import read_streams
from sdops.checkpoint.types import Container, Storage, Tensor

_MAGIC = b"\x93NUMPY"
_MAX_HEADER_BYTES = 1 << 16


def recognize(head: bytes, _source: Source) -> Container | None:
    """By its signature."""
    return Container.NPY if head.startswith(_MAGIC) else None


def read(source: Source, container: Container) -> Contents:
    """The array's header, or the pickle's trace."""
    contents = Contents(container)
    head = source.read(0, 12)
    wide = len(head) == 12 and head[6] >= 2
    size, start = (struct.unpack_from("<I", head, 8)[0], 12) if wide else (
        int.from_bytes(head[8:10], "little"), 10)  # fmt: skip
    data_start = start + min(size, _MAX_HEADER_BYTES)
    try:
        header = ast.literal_eval(source.read(start, data_start - start).decode("latin-1").strip())
        word, shape, fortran = header["descr"], header["shape"], header["fortran_order"]
        shape = tuple(int(size) for size in shape)
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        contents.problem("header-damaged", "The array's header is damaged.", blocking=True)
        word, shape, fortran = "O", (), False
    dtype = BY_NUMPY.get(word[1:]) if isinstance(word, str) else None
    if dtype is None:
        if _may_hold_objects(word):
            contents.traces.extend(read_streams(source, data_start))
        return contents
    tensor = _tensor(dtype.name, shape, bool(fortran), data_start, word.startswith(">"))
    if tensor.storage.size_bytes > source.size - data_start:
        contents.cut(tensor.storage.size_bytes + data_start - source.size)
    contents.tensors.append(tensor)
    return contents


def _may_hold_objects(word: object) -> bool:
    """Whether numpy unpickles the data: some field of the element type is a Python object."""
    text = repr(word)
    return "O" in text or "object" in text.lower()


def _tensor(
    dtype: str, shape: tuple[int, ...], fortran: bool, offset: int, big_endian: bool
) -> Tensor:
    strides = row_major(shape[::-1])[::-1] if fortran else row_major(shape)
    size = next(item.size_bytes for item in BY_NUMPY.values() if item.name == dtype)
    for length in shape:
        size *= length
    storage = Storage("array", dtype, offset, size, big_endian)
    return Tensor("array", dtype, shape, strides, storage, path=("array",))
