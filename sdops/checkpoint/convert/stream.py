"""Streams a plan's tensors into their slots: copied by the kernel, or cast, on several threads."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from sdops.checkpoint.convert.plan import Item
from sdops.checkpoint.dtypes import BY_NAME
from sdops.checkpoint.files.source import FileSource
from sdops.checkpoint.types import Tensor
from sdops.checkpoint.weights import BLOCK_ELEMENTS, Weights, check_extent
from sdops.checkpoint.write.casting import Caster
from sdops.checkpoint.write.copying import copy_range, write_exactly
from sdops.checkpoint.write.layout import Slot

_COPY_BYTES = 16 * 1024 * 1024
_CAST_ELEMENTS = 4 * BLOCK_ELEMENTS
"""What one thread casts at a stretch, block after block."""
_PENDING_LIMIT = 8
"""Jobs in flight: keeps memory flat however fast blocks are read."""

Advance = Callable[[int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """A range of the new file, and how to tell that it is right."""

    position: int
    count: int
    crc32: int | None = None
    """The checksum of the bytes handed to the disk; None for a range copied as it was."""
    source: FileSource | None = None
    """For a copied range: the file that it was copied from …"""
    offset: int = 0
    """… and where it stood there."""
    tensor: str = ""


@dataclass(frozen=True, slots=True)
class Streamed:
    """What was written, in the order of the file."""

    ranges: tuple[Written, ...]
    overflowed: Mapping[str, int]
    """By tensor: finite values that became infinite."""


def stream(
    weights: Weights,
    items: Mapping[str, Item],
    slots: Sequence[Slot],
    target: int,
    threads: ThreadPoolExecutor,
    advance: Advance,
) -> Streamed:
    """Writes every slot of the file open as `target` (a descriptor), the work done by `threads`.

    Raises:
        UnreadableInputError: the source ends early or a tensor reaches beyond its storage.
        OSError: the target cannot be written.
    """
    ranges: list[Written] = []
    overflowed: dict[str, int] = {}
    for written, lost in side_by_side(threads, _jobs(weights, items, slots, target)):
        ranges.append(written)
        if lost:
            overflowed[written.tensor] = overflowed.get(written.tensor, 0) + lost
        advance(written.count)
    ranges.sort(key=lambda written: written.position)
    return Streamed(tuple(ranges), overflowed)


def elements(weights: Weights, item: Item) -> Iterator[Piece]:
    """An item's bytes as they are to be written, in order, with the values that overflowed.

    Raises:
        UnreadableInputError: the source ends early or the tensor reaches beyond its storage.
    """
    if item.literal is not None:
        yield item.literal, 0
        return
    if item.dtype == item.source.dtype:
        yield from ((block.data, 0) for block in weights.blocks(item.source))
        return
    yield from _cast((block.data for block in weights.blocks(item.source)), item)


Piece = tuple[bytes | memoryview, int]
"""Bytes to write, and how many of their values overflowed."""
Result = tuple[Written, int]
Job = Callable[[], Result]


def side_by_side(threads: ThreadPoolExecutor, jobs: Iterable[Callable[[], T]]) -> Iterator[T]:
    """The results of `jobs` as they come, a few waiting at a time: waiting jobs take memory."""
    pending: set[Future[T]] = set()
    for job in jobs:
        pending.add(threads.submit(job))
        if len(pending) >= _PENDING_LIMIT:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    yield from (future.result() for future in pending)


def _jobs(
    weights: Weights, items: Mapping[str, Item], slots: Sequence[Slot], target: int
) -> Iterator[Job]:
    """The work, in the order of the file; neighbors that can be copied together are."""
    run: Written | None = None
    for slot in slots:
        copied = _copied(weights, items[slot.tensor.name], slot)
        if run is not None and copied is not None and _continues(run, copied):
            run = Written(run.position, run.count + copied.count, None, run.source, run.offset)
            continue
        if run is not None:
            yield from _copy_jobs(run, target)
        run = copied
        if copied is None:
            yield from _block_jobs(weights, items[slot.tensor.name], slot, target)
    if run is not None:
        yield from _copy_jobs(run, target)


def _copied(weights: Weights, item: Item, slot: Slot) -> Written | None:
    """The range to copy, if the item's bytes stand in the source as they must be written."""
    size = slot.tensor.size_bytes
    if size == 0:
        return Written(slot.offset, 0, 0)
    if item.literal is not None or item.dtype != item.source.dtype:
        return None
    place = weights.plain_range(item.source)
    if place is None:
        return None
    return Written(slot.offset, size, None, place[0], place[1])


def _continues(run: Written, following: Written) -> bool:
    same = run.source is following.source and run.offset + run.count == following.offset
    return same and run.position + run.count == following.position


def _copy_jobs(run: Written, target: int) -> Iterator[Job]:
    source = run.source
    if source is None:
        return
    for done in range(0, run.count, _COPY_BYTES):
        count = min(_COPY_BYTES, run.count - done)
        part = Written(run.position + done, count, None, source, run.offset + done)
        yield lambda part=part, source=source: _copy(source, part, target)  # type: ignore[misc]


def _copy(source: FileSource, part: Written, target: int) -> Result:
    copy_range(source.descriptor, part.offset, target, part.position, part.count)
    return part, 0


def _block_jobs(weights: Weights, item: Item, slot: Slot, target: int) -> Iterator[Job]:
    if item.literal is not None:
        literal = item.literal
        yield lambda: _write([(literal, 0)], slot.offset, item.name, target)
        return
    check_extent(item.source)
    size = BY_NAME[item.dtype].size_bytes
    if item.source.contiguous and item.source.storage.offset is not None:
        # Such runs can be read by the threads themselves, in any order.
        for start in range(0, item.source.elements, _CAST_ELEMENTS):
            count = min(_CAST_ELEMENTS, item.source.elements - start)
            blocks = _read(weights, item.source, start, count)
            yield _job(blocks, item, slot.offset + start * size, target)
        return
    for block in weights.blocks(item.source):
        yield _job([block.data], item, slot.offset + block.start * size, target)


def _job(blocks: Iterable[bytes], item: Item, position: int, target: int) -> Job:
    if item.dtype == item.source.dtype:
        return lambda: _write(((data, 0) for data in blocks), position, item.name, target)
    return lambda: _write(_cast(blocks, item), position, item.name, target)


def _read(weights: Weights, tensor: Tensor, start: int, count: int) -> Iterator[bytes]:
    for done in range(0, count, BLOCK_ELEMENTS):
        yield weights.run(tensor, start + done, min(BLOCK_ELEMENTS, count - done))


def _cast(blocks: Iterable[bytes], item: Item) -> Iterator[Piece]:
    caster = Caster(item.source.dtype, item.dtype)
    for data in blocks:
        result = caster.cast(data)
        yield result.data, result.overflowed


def _write(pieces: Iterable[Piece], position: int, name: str, target: int) -> Result:
    count = checksum = overflowed = 0
    for data, lost in pieces:
        write_exactly(target, position + count, data)
        checksum = zlib.crc32(data, checksum)
        count += len(data)
        overflowed += lost
    return Written(position, count, checksum, tensor=name), overflowed
