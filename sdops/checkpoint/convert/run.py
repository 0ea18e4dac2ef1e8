"""Carries out a plan: reserve, stream, verify, publish; or nothing at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sdops.checkpoint.cache import ResultCache
from sdops.checkpoint.convert.plan import Plan
from sdops.checkpoint.convert.read_back import read_back, read_back_zip
from sdops.checkpoint.convert.stream import elements, stream
from sdops.checkpoint.hashes import CACHE_VERSION, hash_file
from sdops.checkpoint.source import FileSource
from sdops.checkpoint.weights import Weights
from sdops.checkpoint.write.copying import write_exactly
from sdops.checkpoint.write.layout import Layout, Outgoing, layout
from sdops.checkpoint.write.new_file import OverwritePolicy, new_file
from sdops.checkpoint.write.torch_zip import size_of, write_torch_zip
from sdops.errors import SdopsError, UnreadableInputError, UsageError
from sdops.version import __version__

_UNKNOWN_DIGEST = "0" * 64
SOURCE_KEY, DIGEST_KEY, VERSION_KEY = "sdops.source", "sdops.source_sha256", "sdops.version"


@dataclass(frozen=True, slots=True)
class Options:
    """How a plan is carried out."""

    metadata: bool = True
    """Whether the result carries metadata, the source's own and where it came from."""
    verify: bool = True
    allow_overflow: bool = False
    overwrite: OverwritePolicy = OverwritePolicy()  # noqa: RUF009  (it has no state)


@dataclass(frozen=True, slots=True)
class Done:
    """A finished conversion."""

    plan: Plan
    destination: Path
    bytes_in: int
    bytes_out: int
    sha256: str | None
    """None if verification was declined."""
    overflowed: Mapping[str, int]
    """By tensor: values that became infinite, with `allow_overflow`."""


def write_safetensors(
    plan: Plan, destination: Path, options: Options, advance: Callable[[int], None]
) -> Done:
    """Writes the plan's tensors to the new file `destination`.

    Raises:
        UsageError: the destination exists, or is the source itself.
        UnreadableInputError: the source is damaged, or changed meanwhile.
        SdopsError: no room, values that do not fit into float16, a disk that gives back other
            bytes than were written.
    """
    refuse_same_file(plan, destination)
    items = {item.name: item for item in plan.items}
    metadata = _metadata(plan) if options.metadata else {}
    planned = layout([item.outgoing for item in plan.items], metadata)
    with Weights(plan.source) as weights, ThreadPoolExecutor(1) as side:
        # The source is hashed while the kernel copies it: its bytes are in memory then anyway.
        digest = side.submit(digest_of, plan.source.path) if DIGEST_KEY in metadata else None
        with new_file(destination, planned.size_bytes, options.overwrite) as file:
            written = stream(weights, items, planned.slots, file.fileno(), advance)
            _refuse_overflow(written.overflowed, options)
            if digest is not None:
                metadata = {**metadata, DIGEST_KEY: digest.result()}
                planned = _with_metadata(plan, planned, metadata)
            write_exactly(file.fileno(), 0, planned.header)
            sha256 = None
            if options.verify:
                sha256 = read_back(file.fileno(), planned.header, written.ranges, advance)
            _refuse_changed(weights)
    size = plan.source.size_bytes
    return Done(plan, destination, size, planned.size_bytes, sha256, written.overflowed)


def write_ckpt(
    plan: Plan, destination: Path, options: Options, advance: Callable[[int], None]
) -> Done:
    """Writes the plan's tensors as a minimal torch checkpoint, for UIs that read nothing else.

    Raises:
        UsageError, UnreadableInputError, SdopsError: as `write_safetensors` does.
    """
    refuse_same_file(plan, destination)
    items = {item.name: item for item in plan.items}
    overflowed: dict[str, int] = {}
    with Weights(plan.source) as weights:

        def content(tensor: Outgoing) -> Iterator[bytes | memoryview]:
            for data, lost in elements(weights, items[tensor.name]):
                if lost:
                    overflowed[tensor.name] = overflowed.get(tensor.name, 0) + lost
                advance(len(data))
                yield data

        outgoing = [item.outgoing for item in plan.items]
        with new_file(destination, size_of(outgoing), options.overwrite) as file:
            size = write_torch_zip(file, outgoing, content)
            _refuse_overflow(overflowed, options)
            sha256 = read_back_zip(file, size, advance) if options.verify else None
            _refuse_changed(weights)
    return Done(plan, destination, plan.source.size_bytes, size, sha256, overflowed)


def refuse_same_file(plan: Plan, destination: Path) -> None:
    """The source is never written to, not even under another name.

    Raises:
        UsageError: `destination` is the source, or a link to it.
    """
    names = {plan.source.path, *(item.source.storage.path for item in plan.items)} - {""}
    for name in names:
        if destination.exists() and destination.samefile(name):
            raise UsageError(
                f"{destination} is the source itself; sdops never writes to it.",
                "Choose another name for the result.",
            )


def _metadata(plan: Plan) -> dict[str, str]:
    return {
        **plan.metadata,
        SOURCE_KEY: Path(plan.source.path).name,
        DIGEST_KEY: _UNKNOWN_DIGEST,
        VERSION_KEY: __version__,
    }


def _with_metadata(plan: Plan, planned: Layout, metadata: Mapping[str, str]) -> Layout:
    """The same layout with a digest filled in, which is exactly as long as its placeholder."""
    final = layout([item.outgoing for item in plan.items], metadata)
    assert len(final.header) == len(planned.header)
    return final


def digest_of(path: str) -> str:
    """The sha256 of the file at `path`, remembered from earlier runs where it has not changed."""
    with ResultCache("hash", CACHE_VERSION) as cache:
        return hash_file(Path(path), cache=cache).sha256


def _refuse_overflow(overflowed: Mapping[str, int], options: Options) -> None:
    if not overflowed or options.allow_overflow:
        return
    names = list(overflowed)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise SdopsError(
        f"{sum(overflowed.values())} numbers are too large for the precision asked for and"
        f" would become infinite, in {shown}.",
        "Use --dtype bf16, which has room for them, or go on with --allow-overflow.",
    )


def _refuse_changed(weights: Weights) -> None:
    for path, source in weights.files.items():
        if _has_changed(source):
            raise UnreadableInputError(
                f"{path} changed while it was read.", "Wait until its download or copy has ended."
            )


def _has_changed(source: FileSource) -> bool:
    now, before = os.fstat(source.descriptor), source.status
    return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)
