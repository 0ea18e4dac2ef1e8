"""Where a result came from, in its metadata: the source's name, and its sha256 where that is cheap.

Hashing takes longer than copying. It is done where the digest is known from an earlier run, where
it takes no time (a small source, an idle processor), and where the source is given up, so that its
digest is the last that leads to where it came from; else only on request.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdops.checkpoint.convert.plan import Plan
from sdops.checkpoint.files.cache import ResultCache
from sdops.checkpoint.hash.hashes import CACHE_VERSION, Extras, hash_file, remembered
from sdops.checkpoint.write.layout import in_header
from sdops.version import __version__

SOURCE_KEY, DIGEST_KEY, VERSION_KEY = "sdops.source", "sdops.source_sha256", "sdops.version"
SHARDS_KEY = "sdops.shards_sha256"
"""A line for each file of a sharded source, as `sha256sum -c` reads them."""
OWN_KEYS = frozenset({SOURCE_KEY, DIGEST_KEY, SHARDS_KEY, VERSION_KEY})
_UNKNOWN_DIGEST = "0" * 64
_SMALL_BYTES = 64 << 20
"""Hashed in less time than a new file takes to reach the disk."""
_MOST_WORKERS = 2
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is written about the source, decided before any work."""

    metadata: Mapping[str, str]
    """All metadata of the result; digests that are still to be taken stand in it as zeros."""
    to_hash: tuple[str, ...] = ()
    """The files whose digests are to be taken."""

    @property
    def workers(self) -> int:
        """How many threads copy and cast: hashing wants a processor for itself."""
        return max(1, min(_MOST_WORKERS, (os.cpu_count() or 1) - bool(self.to_hash)))

    def complete(self, header: bytes, digests: Mapping[str, str]) -> bytes:
        """The planned `header` with the digests, exactly as long as what keeps their place.

        In no other text of the header can the keys stand between bare quotes.
        """
        if not digests:
            return header
        unknown = _entries(dict.fromkeys(digests, _UNKNOWN_DIGEST))
        for key, text in _entries(digests).items():
            header = header.replace(in_header(key, unknown[key]), in_header(key, text), 1)
        return header


def provenance(plan: Plan, *, metadata: bool, wanted: bool) -> Provenance:
    """What to write about the source of `plan`.

    Args:
        plan: what will be written.
        metadata: whether the result has metadata at all.
        wanted: whether the source's digest is wanted whatever it takes.
    """
    if not metadata:
        return Provenance({})
    paths = tuple(plan.source.states)
    digests = _known(paths)
    to_hash: tuple[str, ...] = ()
    if digests is None and (wanted or _is_cheap(plan)):
        digests, to_hash = dict.fromkeys(paths, _UNKNOWN_DIGEST), paths
    told = {
        **{key: text for key, text in plan.metadata.items() if key not in OWN_KEYS},
        SOURCE_KEY: _file_name(plan.source.path),
        **(_entries(digests) if digests else {}),
        VERSION_KEY: __version__,
    }
    return Provenance(told, to_hash)


def _known(paths: tuple[str, ...]) -> dict[str, str] | None:
    """The digests that earlier runs took, if those of all files are there."""
    with ResultCache("hash", CACHE_VERSION) as cache:
        found = {path: remembered(Path(path), Extras(), cache) for path in paths}
    digests = {path: hashes.sha256 for path, hashes in found.items() if hashes is not None}
    return digests if digests and len(digests) == len(paths) else None


def _is_cheap(plan: Plan) -> bool:
    """Whether hashing takes no time that anyone waits for."""
    size = sum(status.st_size for status in plan.source.states.values())
    if size <= _SMALL_BYTES:
        return True
    cores = os.cpu_count() or 1
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return cores - busy >= 2 * _MOST_WORKERS


def _entries(digests: Mapping[str, str]) -> dict[str, str]:
    """The entries of the metadata that tell the sha256 of each file of the source, its own first.

    Those of a model in several files are lines as `sha256sum -c` reads them.
    """
    first, *shards = digests
    lines = "".join(f"{digests[path]}  {_file_name(path)}\n" for path in shards)
    return {DIGEST_KEY: digests[first], **({SHARDS_KEY: lines} if shards else {})}


def _file_name(path: str) -> str:
    """Names of files need not be text; headers must be."""
    return os.fsencode(Path(path).name).decode("utf-8", "replace")


class _NotWantedError(Exception):
    """The result failed, so that nobody waits for the digest."""


@contextmanager
def hashing(paths: tuple[str, ...]) -> Iterator[Future[dict[str, str]]]:
    """The digests of the files at `paths`, taken beside other work that reads the same bytes."""
    left = threading.Event()

    def go_on(_count: int) -> None:
        if left.is_set():
            raise _NotWantedError

    with ThreadPoolExecutor(1) as side:
        try:
            yield side.submit(lambda: {path: digest_of(path, go_on) for path in paths})
        finally:
            left.set()


def digest_of(path: str, advance: Advance = lambda _: None) -> str:
    """The sha256 of the file at `path`, remembered from earlier runs where it has not changed."""
    with ResultCache("hash", CACHE_VERSION) as cache:
        return hash_file(Path(path), cache=cache, advance=advance).sha256
