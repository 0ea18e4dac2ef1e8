"""Whether a file holds what a plan would write, or two plans would write the same weights.

Every byte is compared. The answer for a result is remembered in the user's cache folder until it,
its source or the version of sdops changes; where nothing is remembered both files are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sdops.checkpoint.convert.plan import Item, Plan, convert_plan, view_identity
from sdops.checkpoint.convert.precision import Precision
from sdops.checkpoint.convert.provenance import OWN_KEYS
from sdops.checkpoint.convert.run import Options
from sdops.checkpoint.convert.stream import elements
from sdops.checkpoint.files.cache import ResultCache
from sdops.checkpoint.open import open_checkpoint
from sdops.checkpoint.types import Checkpoint, Container
from sdops.checkpoint.weights import Weights
from sdops.checkpoint.write.torch_zip import is_written_with
from sdops.version import __version__

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Same:
    """Two plans write the same weights."""

    overflowed: int
    """How many finite numbers become infinite in both."""


def is_done(plan: Plan, destination: Path, options: Options, advance: Advance) -> bool:
    """Whether `destination` holds what `plan` would write there: format, tensors, metadata.

    Where the metadata says it was made, and by which version, is not compared.

    Raises:
        UnreadableInputError: one of the files cannot be read.
    """
    if not destination.is_file():
        return False
    status, mark = destination.stat(), _mark(plan, options)
    with ResultCache("convert", __version__) as cache:
        if cache.get(destination, status) == mark:
            return True
        result = open_checkpoint(destination)
        if not _is_so_written(result, plan, options):
            return False
        same = compare(plan, convert_plan(result, Precision()), advance)
        if same is None or (same.overflowed and not options.allow_overflow):
            return False
        cache.put(destination, status, mark)
    return True


def are_twins(one: Plan, other: Plan, advance: Advance) -> bool:
    """Whether two plans would write the same weights, remembered until a file changes.

    Raises:
        UnreadableInputError: a source ends early.
    """
    path = Path(one.source.path)
    mark = _mark(one, Options()) + _mark(other, Options())
    with ResultCache("twins", __version__) as cache:
        if cache.get(path, path.stat()) == mark:
            return True
        if compare(one, other, advance) is None:
            return False
        cache.put(path, path.stat(), mark)
    return True


def remember(plan: Plan, destination: Path, options: Options) -> None:
    """Notes that `destination` was written after `plan` and read back."""
    with ResultCache("convert", __version__) as cache:
        cache.put(destination, destination.stat(), _mark(plan, options))


def _mark(plan: Plan, options: Options) -> str:
    """A digest of all that decides what is written, the state of the sources included."""
    digest = hashlib.sha256()
    states = tuple(
        (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        for status in plan.source.states.values()
    )
    asked = (states, options.metadata, options.allow_overflow, sorted(plan.metadata.items()))
    digest.update(repr(asked).encode("utf-8", "surrogatepass"))
    for item in plan.items:
        digest.update(repr(item).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def compare(one: Plan, other: Plan, advance: Advance) -> Same | None:
    """Compares what two plans would write, tensor for tensor; None if it is not the same.

    Raises:
        UnreadableInputError: a source ends early.
    """
    partners = {item.name: item for item in other.items}
    if {item.outgoing for item in one.items} != {item.outgoing for item in other.items}:
        return None
    in_one_file = Path(one.source.path).samefile(other.source.path)
    overflowed = 0
    with Weights(one.source) as weights, Weights(other.source) as others:
        for item in one.items:
            partner = partners[item.name]
            identity = view_identity(item)
            if in_one_file and identity is not None and identity == view_identity(partner):
                continue
            lost = _compare(weights, item, others, partner, advance)
            if lost is None:
                return None
            overflowed += lost
    return Same(overflowed)


def _compare(
    weights: Weights, item: Item, others: Weights, partner: Item, advance: Advance
) -> int | None:
    """How many numbers overflow, if both items are written with the same bytes."""
    overflowed = 0

    def own() -> Iterator[bytes]:
        nonlocal overflowed
        for data, lost in elements(weights, item):
            overflowed += lost
            advance(len(data))
            yield bytes(data)

    theirs = (bytes(data) for data, _ in elements(others, partner))
    return overflowed if _same_bytes(own(), theirs) else None


def _same_bytes(one: Iterator[bytes], other: Iterator[bytes]) -> bool:
    left = right = b""
    while True:
        left, right = left or next(one, b""), right or next(other, b"")
        count = min(len(left), len(right))
        if count == 0 or left[:count] != right[:count]:
            return left == right
        left, right = left[count:], right[count:]


def _is_so_written(result: Checkpoint, plan: Plan, options: Options) -> bool:
    """Whether a file has the format and the metadata, and holds nothing beside the tensors."""
    if result.problems:
        return False
    if result.container is Container.TORCH_ZIP:
        return is_written_with(result.path, [item.outgoing for item in plan.items])
    if result.container is not Container.SAFETENSORS:
        return False
    if not options.metadata:
        return not result.metadata
    wanted = {name: text for name, text in plan.metadata.items() if name not in OWN_KEYS}
    return wanted.items() <= result.metadata.items()
