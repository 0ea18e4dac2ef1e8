"""Scans many files, several at once, with remembered results: the work behind `sdops scan`."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sdops.checkpoint.files.source import FileSource
from sdops.checkpoint.scan.file import FileScan, scan_source
from sdops.checkpoint.scan.policy import Policy, load_policy
from sdops.errors import UnreadableInputError

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from sdops.checkpoint.scan.cache import ScanCache

# Below this many files, starting processes takes as long as it saves: 15 ms are won with 300.
_MANY_FILES = 250
_MOST_PROCESSES = 4
# Handed over together: for one file that takes half as long as scanning it.
_BATCH = 16


class Outcome(NamedTuple):
    """One file's scan, or why there is none."""

    path: str
    scan: FileScan | None = None
    fault: str = ""
    crash: str = ""
    """A fault of sdops itself."""
    status: os.stat_result | None = None
    """The file as it was when it was opened."""


def scan_files(
    files: tuple[str, ...],
    policy_paths: tuple[Path, ...],
    *,
    jobs: int,
    cached: bool,
    advance: Callable[[int], None],
) -> Generator[Outcome]:
    """Scans `files`; `jobs` processes at once, or as many as pay off where that is 0.

    Raises:
        UsageError: a policy file is wrong.
    """
    policy = load_policy(policy_paths)
    cache = _cache(policy) if cached else None
    known = {} if cache is None else dict(_remembered(files, cache))
    todo = [file for file in files if file not in known]
    fresh = _scan_all(todo, policy, policy_paths, jobs)
    try:
        for file in files:
            outcome = known.get(file) or next(fresh)
            if file not in known and cache is not None and outcome.scan and outcome.status:
                cache.put(outcome.scan, outcome.status)
            advance(outcome.scan.size_bytes if outcome.scan else 0)
            yield outcome
    finally:
        fresh.close()
        if cache is not None:
            cache.close()


def _cache(policy: Policy) -> ScanCache:
    # Not at the top: SQLite takes as long to load as a small file to scan.
    from sdops.checkpoint.scan.cache import ScanCache

    return ScanCache(policy)


def _remembered(files: tuple[str, ...], cache: ScanCache) -> Iterator[tuple[str, Outcome]]:
    for file in files:
        found = cache.get(file)
        if found is not None:
            scan, status = found
            yield file, Outcome(file, scan, status=status)


def _scan_all(
    files: list[str], policy: Policy, policy_paths: tuple[Path, ...], jobs: int
) -> Generator[Outcome]:
    if jobs == 0:
        jobs = min(_MOST_PROCESSES, os.cpu_count() or 1) if len(files) >= _MANY_FILES else 1
    if jobs == 1 or len(files) < 2:
        for file in files:
            yield scan_file(file, policy)
        return
    from concurrent.futures import ProcessPoolExecutor

    batches = [files[start : start + _BATCH] for start in range(0, len(files), _BATCH)]
    with ProcessPoolExecutor(jobs, initializer=_start, initargs=(policy_paths,)) as pool:
        try:
            futures = [pool.submit(_scan_in_process, batch) for batch in batches]
            for batch, future in zip(batches, futures, strict=True):
                yield from _outcomes(future, batch)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # the user interrupts
            raise


def _outcomes(future: Future[list[Outcome]], batch: list[str]) -> list[Outcome]:
    from concurrent.futures.process import BrokenProcessPool

    try:
        return future.result()
    except BrokenProcessPool:
        return [Outcome(file, crash="the process that scanned it was killed") for file in batch]


_process_policy: list[Policy] = []


def _start(policy_paths: tuple[Path, ...]) -> None:
    import signal

    # Ctrl-C reaches every process of a terminal; the one that gave out the work ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _process_policy.append(load_policy(policy_paths))


def _scan_in_process(batch: list[str]) -> list[Outcome]:
    return [scan_file(path, _process_policy[0]) for path in batch]


def scan_file(path: str, policy: Policy) -> Outcome:
    """One file's outcome; a fault of sdops itself is one too, and never a pass."""
    try:
        with FileSource(path) as source:
            return Outcome(path, scan_source(path, source, policy), status=source.status)
    except UnreadableInputError as error:
        return Outcome(path, fault=error.message)
    except (Exception, RecursionError) as error:
        return Outcome(path, crash=f"{type(error).__name__}: {error}")
