"""Carries out a plan: reserve, stream, verify, publish; or nothing at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sdops.atomic import OverwritePolicy
from sdops.checkpoint.convert.plan import Item, Plan
from sdops.checkpoint.convert.provenance import digest_of, hashing, provenance
from sdops.checkpoint.convert.read_back import read_back, read_back_header, read_back_zip
from sdops.checkpoint.convert.stream import elements, stream
from sdops.checkpoint.weights import Weights
from sdops.checkpoint.write.copying import write_exactly
from sdops.checkpoint.write.flushing import Flusher
from sdops.checkpoint.write.layout import Outgoing, layout
from sdops.checkpoint.write.new_file import new_file
from sdops.checkpoint.write.torch_zip import size_of, write_torch_zip
from sdops.errors import SdopsError, UsageError

TORCH_SUFFIXES = frozenset({".ckpt", ".pt", ".pth", ".bin"})
_FOREIGN_SUFFIXES = frozenset({".gguf", ".onnx", ".pkl", ".npz", ".npy", ".h5", ".zip", ".json"})
"""The suffixes of formats that sdops does not write."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a plan is carried out."""

    metadata: bool = True
    """Whether the result carries metadata, the source's own and where it came from."""
    verify: bool = True
    provenance: bool = False
    """Whether the source's sha256 is taken for the metadata whatever it takes."""
    hashed: bool = False
    """Whether to compute the result's sha256, which takes longer than writing it."""
    allow_overflow: bool = False
    overwrite: OverwritePolicy = OverwritePolicy()  # noqa: RUF009  (it has no state)


@dataclass(frozen=True, slots=True)
class Done:
    """A conversion, finished or foreseen."""

    bytes_out: int
    verified: bool
    sha256: str | None
    """The result's sha256, if it was asked for."""
    overflowed: Mapping[str, int]
    """By tensor: values that became infinite, with `allow_overflow`."""
    written: bool = True


def write_safetensors(
    plan: Plan, destination: Path, options: Options, advance: Callable[[int], None]
) -> Done:
    """Writes the plan's tensors to the new file `destination`.

    Raises:
        UsageError: the destination exists, is the source itself, or is named like another format.
        UnreadableInputError: the source is damaged, or changed meanwhile.
        SdopsError: no room, values that do not fit into float16, a disk that gives back other
            bytes than were written.
    """
    _refuse(plan, destination, TORCH_SUFFIXES, options)
    told = provenance(plan, metadata=options.metadata, wanted=options.provenance)
    planned = layout([item.outgoing for item in plan.items], told.metadata)
    items = {item.name: item for item in plan.items}
    with (
        Weights(plan.source) as weights,
        hashing(told.to_hash) as digests,
        new_file(destination, planned.size_bytes, options.overwrite) as file,
        # They end before the file is closed, whose descriptor another file may get then.
        ThreadPoolExecutor(told.workers) as threads,
        Flusher(file.fileno()) as flusher,
    ):
        target = file.fileno()

        def wrote(count: int) -> None:
            flusher.wrote(count)
            advance(count)

        with weights.unchanged():
            written = stream(weights, items, planned.slots, target, threads, wrote)
            _refuse_overflow(written.overflowed, items, options)
            if options.verify:
                read_back(target, written.ranges, threads, advance)
            header = told.complete(planned.header, digests.result())
            write_exactly(target, 0, header)
            if options.verify:
                read_back_header(target, header)
    return _done(destination, planned.size_bytes, options, written.overflowed)


def write_ckpt(
    plan: Plan, destination: Path, options: Options, advance: Callable[[int], None]
) -> Done:
    """Writes the plan's tensors as a minimal torch checkpoint, for UIs that read nothing else.

    Raises:
        UsageError, UnreadableInputError, SdopsError: as `write_safetensors` does.
    """
    _refuse(plan, destination, {".safetensors"}, options)
    items = {item.name: item for item in plan.items}
    overflowed: dict[str, int] = {}
    outgoing = [item.outgoing for item in plan.items]
    with (
        Weights(plan.source) as weights,
        new_file(destination, size_of(outgoing), options.overwrite) as file,
        Flusher(file.fileno()) as flusher,
    ):

        def content(tensor: Outgoing) -> Iterator[bytes | memoryview]:
            for data, lost in elements(weights, items[tensor.name]):
                if lost:
                    overflowed[tensor.name] = overflowed.get(tensor.name, 0) + lost
                flusher.wrote(len(data))
                advance(len(data))
                yield data

        with weights.unchanged():
            size = write_torch_zip(file, outgoing, content)
            _refuse_overflow(overflowed, items, options)
            if options.verify:
                read_back_zip(file)
                advance(size)
    return _done(destination, size, options, overflowed)


def foresee(plan: Plan, destination: Path, options: Options, suffix: str) -> Done:
    """What writing the plan with that suffix would come to, found out without writing.

    Raises:
        UsageError, SdopsError: it would be refused before any work.
    """
    if suffix == ".ckpt":
        _refuse(plan, destination, {".safetensors"}, options)
        size = size_of([item.outgoing for item in plan.items])
    else:
        _refuse(plan, destination, TORCH_SUFFIXES, options)
        told = provenance(plan, metadata=options.metadata, wanted=options.provenance)
        size = layout([item.outgoing for item in plan.items], told.metadata).size_bytes
    return Done(size, verified=False, sha256=None, overflowed={}, written=False)


def _refuse(plan: Plan, destination: Path, others: Collection[str], options: Options) -> None:
    """Stops before any work that would be in vain; `others` are the suffixes of other formats."""
    refuse_same_file(plan, destination)
    _refuse_misnamed(destination, others)
    _refuse_namesakes(plan)
    options.overwrite.check(destination)


def _done(destination: Path, size: int, options: Options, overflowed: Mapping[str, int]) -> Done:
    sha256 = digest_of(os.fspath(destination)) if options.hashed else None
    return Done(size, options.verify, sha256, overflowed)


def refuse_same_file(plan: Plan, destination: Path) -> None:
    """The source is never written to, not even under another name.

    Raises:
        UsageError: `destination` is the source, or a link to it.
    """
    for name in plan.source.states:
        if destination.exists() and destination.samefile(name):
            raise UsageError(
                f"{destination} is the source itself; sdops never writes to it.",
                "Choose another name for the result.",
            )


def _refuse_misnamed(destination: Path, others: Collection[str]) -> None:
    """Programs choose how to read a model by its suffix, and fail on one that is named wrong."""
    if destination.suffix.lower() in {*others, *_FOREIGN_SUFFIXES}:
        raise UsageError(
            f"Programs would read {destination} as another format than it would have.",
            "Name it *.safetensors, or *.ckpt with sdops convert --to ckpt.",
        )


def _refuse_namesakes(plan: Plan) -> None:
    often = Counter(item.name for item in plan.items).most_common(1)
    if often and often[0][1] > 1:
        raise SdopsError(f"Two tensors would have the one name {often[0][0]!r}.")


def _refuse_overflow(
    overflowed: Mapping[str, int], items: Mapping[str, Item], options: Options
) -> None:
    if not overflowed or options.allow_overflow:
        return
    is_half = all(items[name].dtype == "float16" for name in overflowed)
    instead = "Use --dtype bf16, which has room for them" if is_half else "Use --dtype keep"
    names = list(overflowed)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise SdopsError(
        "Numbers too large for the precision asked for would become infinite:"
        f" {sum(overflowed.values())} in {shown}.",
        f"{instead}, or go on with --allow-overflow.",
    )
