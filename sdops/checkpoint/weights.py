"""Reads the weights that a Checkpoint's index points at: any range, in row-major order.

This is the only place where weights are read; everything else works on the index.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdops.checkpoint.dtypes import BY_NAME
from sdops.checkpoint.files.source import FileSource, Source, is_unchanged
from sdops.checkpoint.formats.zips import Members
from sdops.checkpoint.types import Checkpoint, Storage, Tensor
from sdops.errors import SdopsError, UnreadableInputError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

BLOCK_ELEMENTS = 256 * 1024
"""Elements handled at once: 1 MiB of float32, which stays in the processor's cache."""
_WASTE = 4
"""A strided block is read as one range while that reads at most this many times what it holds."""
_SMALL_RANGE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive elements of a tensor."""

    start: int
    """The first element's number, counted in row-major order."""
    data: bytes
    """Little-endian elements of the tensor's own type."""


class Weights:
    """The open files behind a Checkpoint; close it when done, or use it as a context."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Opens the checkpoint's file, and its shards when they are first needed.

        Raises:
            UnreadableInputError: the file is gone or may not be read.
        """
        self._checkpoint = checkpoint
        self._stack = ExitStack()
        self._files: dict[str, FileSource] = {}
        self._members: dict[str, Members] = {}
        self._unpacked: tuple[str, Source] | None = None
        self.file(checkpoint.path)

    def __enter__(self) -> Weights:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def file(self, path: str) -> FileSource:
        """The open file at `path` (a storage's own path, or the checkpoint's)."""
        path = path or self._checkpoint.path
        if path not in self._files:
            source = self._stack.enter_context(FileSource(path))
            before = self._checkpoint.states.get(path, source.status)
            if not is_unchanged(before, source.status):
                raise _changed(path)
            self._files[path] = source
        return self._files[path]

    def refuse_changed(self) -> None:
        """Makes sure that the files are those, and as they were, when their index was read.

        Raises:
            UnreadableInputError: one was written to, replaced or removed.
        """
        for path, source in self._files.items():
            try:
                now = Path(path).stat()
            except OSError:
                raise _changed(path) from None
            opened = os.fstat(source.descriptor)
            if not (is_unchanged(source.status, now) and is_unchanged(source.status, opened)):
                raise _changed(path)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Makes sure that the files are the same after the block as before.

        A change comes before any other error: it is what the others come of.

        Raises:
            UnreadableInputError: one was written to, replaced or removed.
        """
        try:
            yield
        except SdopsError:
            self.refuse_changed()
            raise
        self.refuse_changed()

    def plain_range(self, tensor: Tensor) -> tuple[FileSource, int] | None:
        """The file and offset where the tensor's bytes stand exactly as safetensors wants them.

        None if they are strided, packed, big-endian, or stand for their negative or conjugate.
        """
        storage = tensor.storage
        check_extent(tensor)
        if storage.offset is None or not _is_plain(tensor):
            return None
        item = BY_NAME[tensor.dtype].size_bytes
        return self.file(storage.path), storage.offset + tensor.storage_offset * item

    def blocks(self, tensor: Tensor) -> Iterator[Block]:
        """The tensor's elements, block after block, whatever its strides and byte order.

        Raises:
            UnreadableInputError: the tensor reaches beyond its storage, or the file ends early.
        """
        check_extent(tensor)
        read = _Reader(self._storage(tensor.storage), tensor)
        if tensor.contiguous:
            for start in range(0, tensor.elements, BLOCK_ELEMENTS):
                count = min(BLOCK_ELEMENTS, tensor.elements - start)
                yield Block(start, read.run(start, count))
            return
        yield from read.strided()

    def run(self, tensor: Tensor, start: int, count: int) -> bytes:
        """`count` elements of a contiguous tensor from number `start` on, as `blocks` gives them.

        Raises:
            UnreadableInputError: the file ends early.
        """
        return _Reader(self._storage(tensor.storage), tensor).run(start, count)

    def _storage(self, storage: Storage) -> tuple[Source, int]:
        """What holds the storage's bytes, and where in it they begin."""
        if storage.offset is not None:
            return self.file(storage.path), storage.offset
        where = f"{storage.path}\0{storage.key}"
        if self._unpacked is None or self._unpacked[0] != where:
            # One is kept: views of a storage mostly follow one another.
            source = self._archive(storage.path).unpacked(storage.key, self._wanted_bytes)
            self._unpacked = (where, source)
        return self._unpacked[1], 0

    @cached_property
    def _wanted_bytes(self) -> int:
        """What a storage may unpack to: much more than is wanted of it would only fill the disk."""
        return 2 * sum(
            tensor.elements * BY_NAME[tensor.dtype].size_bytes
            for tensor in self._checkpoint.tensors
        )

    def _archive(self, path: str) -> Members:
        if path not in self._members:
            self._members[path] = Members(self.file(path))
        return self._members[path]


def _changed(path: str) -> UnreadableInputError:
    return UnreadableInputError(
        f"{path} changed while it was read.", "Wait until its download or copy has ended."
    )


def check_extent(tensor: Tensor) -> None:
    """Makes sure that every element of `tensor` lies within its storage.

    Raises:
        UnreadableInputError: it does not; torch would refuse such a file, or read other memory.
    """
    item = BY_NAME[tensor.dtype].size_bytes
    if tensor.elements == 0:
        return
    steps = zip(tensor.shape, tensor.stride, strict=True)
    last = tensor.storage_offset + sum((size - 1) * stride for size, stride in steps)
    if (last + 1) * item > tensor.storage.size_bytes:
        raise UnreadableInputError(
            f"The tensor {tensor.name!r} reaches beyond its storage: it needs {(last + 1) * item}"
            f" bytes, the file holds {tensor.storage.size_bytes}.",
            "The file is damaged or truncated; get it again.",
        )


def _is_plain(tensor: Tensor) -> bool:
    turned = tensor.conjugate or tensor.negative
    swapped = tensor.storage.big_endian and BY_NAME[tensor.dtype].size_bytes > 1
    return tensor.contiguous and not turned and not swapped


class _Reader:
    """Reads elements of one tensor from its storage."""

    def __init__(self, place: tuple[Source, int], tensor: Tensor) -> None:
        self.source, self.base = place
        self.tensor = tensor
        self.item = BY_NAME[tensor.dtype].size_bytes

    def run(self, start: int, count: int) -> bytes:
        """`count` elements of the storage from `start` behind the tensor's first, turned right."""
        first = self.tensor.storage_offset + start
        data = self.source.read(self.base + first * self.item, count * self.item)
        if len(data) != count * self.item:
            raise UnreadableInputError("The file became shorter while it was read.")
        return _turned(data, self.tensor)

    def strided(self) -> Iterator[Block]:
        """Blocks made of the longest trailing dimensions that fit into one."""
        import numpy as np

        shape, stride = self.tensor.shape, self.tensor.stride
        split = next(k for k in range(len(shape) + 1) if prod(shape[k:]) <= BLOCK_ELEMENTS)
        outer, inner = shape[: max(0, split - 1)], shape[split:]
        row = prod(inner)
        rows = shape[split - 1] if split else 1
        step = max(1, BLOCK_ELEMENTS // row)
        for index in product(*map(range, outer)):
            origin = sum(i * s for i, s in zip(index, stride, strict=False))
            number = sum(i * prod(shape[k + 1 :]) for k, i in enumerate(index))
            for first in range(0, rows, step):
                count = min(step, rows - first)
                sizes = (count, *inner) if split else inner
                steps = stride[split - 1 :] if split else stride
                block: Array = np.empty(sizes, f"V{self.item}")
                self._fill(block, steps, origin + (first * stride[split - 1] if split else 0))
                yield Block(number + first * row, block.tobytes())

    def _fill(self, block: Array, stride: tuple[int, ...], offset: int) -> None:
        """Fills `block` from the elements at `offset`, reading ranges that hold little else."""
        import numpy as np

        span = 1 + sum((n - 1) * s for n, s in zip(block.shape, stride, strict=True))
        if span * self.item <= max(_WASTE * block.nbytes, _SMALL_RANGE_BYTES):
            data = np.frombuffer(self.run(offset, span), block.dtype)
            steps = tuple(s * self.item for s in stride)
            block[...] = np.lib.stride_tricks.as_strided(data, block.shape, steps)
            return
        extents = [(n - 1) * s for n, s in zip(block.shape, stride, strict=True)]
        axis = extents.index(max(extents))
        half = block.shape[axis] // 2
        lower, upper = np.split(block, [half], axis=axis)
        self._fill(lower, stride, offset)
        self._fill(upper, stride, offset + half * stride[axis])


def _turned(data: bytes, tensor: Tensor) -> bytes:
    """Little-endian, and with a lazy negation or conjugation carried out."""
    if not (tensor.storage.big_endian or tensor.negative or tensor.conjugate):
        return data
    import numpy as np

    kind = BY_NAME[tensor.dtype]
    parts = 2 if kind.name.startswith("complex") else 1
    if tensor.storage.big_endian and kind.size_bytes // parts > 1:
        data = np.frombuffer(data, f">u{kind.size_bytes // parts}").byteswap().tobytes()
    if not (tensor.negative or tensor.conjugate):
        return data
    signs = np.frombuffer(data, f"<u{kind.size_bytes // parts}").copy().reshape(-1, parts)
    bit = signs.dtype.type(1 << (8 * kind.size_bytes // parts - 1))
    if tensor.negative:  # the bit is only ever set on the imaginary or real part of complex views
        signs ^= bit
    if tensor.conjugate and parts == 2:
        signs[:, 1] ^= bit
    turned: bytes = signs.tobytes()
    return turned
