"""Carries out a plan: reserve, stream, verify, publish; or nothing at all."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdops.atomic import OverwritePolicy
from sdops.checkpoint.convert.plan import Item, Plan
from sdops.checkpoint.convert.read_back import read_back, read_back_header, read_back_zip
from sdops.checkpoint.convert.stream import elements, stream
from sdops.checkpoint.files.cache import ResultCache
from sdops.checkpoint.hash.hashes import CACHE_VERSION, hash_file
from sdops.checkpoint.weights import Weights
from sdops.checkpoint.write.copying import write_exactly
from sdops.checkpoint.write.flushing import Flusher
from sdops.checkpoint.write.layout import Layout, Outgoing, in_header, layout
from sdops.checkpoint.write.new_file import new_file
from sdops.checkpoint.write.torch_zip import size_of, write_torch_zip
from sdops.errors import SdopsError, UsageError
from sdops.version import __version__

_MOST_WORKERS = 2
TORCH_SUFFIXES = frozenset({".ckpt", ".pt", ".pth", ".bin"})
_FOREIGN_SUFFIXES = frozenset({".gguf", ".onnx", ".pkl", ".npz", ".npy", ".h5", ".zip", ".json"})
"""Of formats that sdops does not write."""
_UNKNOWN_DIGEST = "0" * 64
SOURCE_KEY, DIGEST_KEY, VERSION_KEY = "sdops.source", "sdops.source_sha256", "sdops.version"
SHARDS_KEY = "sdops.shards_sha256"
"""A line for each file of a sharded source, as `sha256sum -c` reads them."""
OWN_KEYS = frozenset({SOURCE_KEY, DIGEST_KEY, SHARDS_KEY, VERSION_KEY})


@dataclass(frozen=True, slots=True)
class Options:
    """How a plan is carried out."""

    metadata: bool = True
    """Whether the result carries metadata, the source's own and where it came from."""
    verify: bool = True
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
    """Of the result, if it was asked for."""
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
    planned = _laid_out(plan, destination, options)
    items = {item.name: item for item in plan.items}
    hashed = tuple(plan.source.states) if options.metadata else ()
    with (
        Weights(plan.source) as weights,
        _hashing(hashed, advance) as digests,
        new_file(destination, planned.size_bytes, options.overwrite) as file,
        # They end before the file is closed, whose descriptor another file may get then.
        ThreadPoolExecutor(_workers(hashed)) as threads,
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
            header = _with(digests.result(), planned.header)
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
        size = _laid_out(plan, destination, options).size_bytes
    return Done(size, verified=False, sha256=None, overflowed={}, written=False)


def _laid_out(plan: Plan, destination: Path, options: Options) -> Layout:
    _refuse(plan, destination, TORCH_SUFFIXES, options)
    metadata = _metadata(plan) if options.metadata else {}
    return layout([item.outgoing for item in plan.items], metadata)


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


def _metadata(plan: Plan) -> dict[str, str]:
    digests = dict.fromkeys(plan.source.states, _UNKNOWN_DIGEST)
    return {
        **{key: text for key, text in plan.metadata.items() if key not in OWN_KEYS},
        SOURCE_KEY: _file_name(plan.source.path),
        **_digest_entries(digests),
        VERSION_KEY: __version__,
    }


def _digest_entries(digests: Mapping[str, str]) -> dict[str, str]:
    """The entries of the metadata that tell the sha256 of each file of the source, its own first.

    Those of a model in several files are lines as `sha256sum -c` reads them.
    """
    first, *shards = digests
    lines = "".join(f"{digests[path]}  {_file_name(path)}\n" for path in shards)
    return {DIGEST_KEY: digests[first], **({SHARDS_KEY: lines} if shards else {})}


def _file_name(path: str) -> str:
    """Names of files need not be text; headers must be."""
    return os.fsencode(Path(path).name).decode("utf-8", "replace")


def _with(digests: Mapping[str, str], header: bytes) -> bytes:
    """The planned header with the digests, which are exactly as long as what keeps their place.

    In no other text of the header can the keys stand between bare quotes.
    """
    if not digests:
        return header
    unknown = _digest_entries(dict.fromkeys(digests, _UNKNOWN_DIGEST))
    for key, text in _digest_entries(digests).items():
        header = header.replace(in_header(key, unknown[key]), in_header(key, text), 1)
    return header


class _NotWantedError(Exception):
    """The result failed, so that nobody waits for the digest."""


@contextmanager
def _hashing(
    paths: Sequence[str], advance: Callable[[int], None]
) -> Iterator[Future[dict[str, str]]]:
    """The digests of the files at `paths`, taken beside other work that reads the same bytes."""
    left = threading.Event()

    def go_on(count: int) -> None:
        if left.is_set():
            raise _NotWantedError
        advance(count)

    with ThreadPoolExecutor(1) as side:
        try:
            yield side.submit(lambda: {path: digest_of(path, go_on) for path in paths})
        finally:
            left.set()


def _workers(hashed: Sequence[str]) -> int:
    """How many threads copy and cast: hashing takes longest, and wants a processor for itself."""
    return max(1, min(_MOST_WORKERS, (os.cpu_count() or 1) - bool(hashed)))


def digest_of(path: str, advance: Callable[[int], None] = lambda _: None) -> str:
    """The sha256 of the file at `path`, remembered from earlier runs where it has not changed."""
    with ResultCache("hash", CACHE_VERSION) as cache:
        return hash_file(Path(path), cache=cache, advance=advance).sha256


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
