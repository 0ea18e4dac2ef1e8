"""Hashes many files side by side and reports them: the work behind `sdops hash`."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sdops.checkpoint.damage import examine
from sdops.checkpoint.files.cache import ResultCache
from sdops.checkpoint.files.walk import Walk
from sdops.checkpoint.hash.hashes import CACHE_VERSION, Extras, FileHashes, hash_file
from sdops.errors import UnreadableInputError
from sdops.finding import Finding, Report


@dataclass(frozen=True, slots=True)
class Done:
    """The files' hashes, in the order of the work."""

    hashes: tuple[FileHashes, ...]
    findings: tuple[Finding, ...]
    """About the files that are broken."""
    faults: tuple[str, ...]
    started_at: str
    duration_s: float


def hash_all(
    work: Walk, extras: Extras, *, jobs: int, cached: bool, advance: Callable[[int], None]
) -> Done:
    """Hashes every file of `work`, `jobs` at a time; a file that cannot be read is a fault."""
    begin = time.monotonic()
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with ExitStack() as stack:
        cache = stack.enter_context(ResultCache("hash", CACHE_VERSION)) if cached else None
        threads = stack.enter_context(ThreadPoolExecutor(jobs))
        answers = list(threads.map(lambda file: _outcome(file, extras, cache, advance), work.files))
    return Done(
        hashes=tuple(answer.hashes for answer in answers if answer.hashes is not None),
        findings=tuple(answer.broken for answer in answers if answer.broken is not None),
        faults=work.faults + tuple(answer.fault for answer in answers if answer.fault),
        started_at=started_at,
        duration_s=time.monotonic() - begin,
    )


def report(done: Done) -> Report:
    """The Report of `sdops hash`."""
    return Report(
        command="hash",
        subject=", ".join(hashes.path for hashes in done.hashes[:3]) or "nothing",
        started_at=done.started_at,
        duration_s=done.duration_s,
        findings=done.findings,
        faults=done.faults,
        data={"files": [file_data(hashes) for hashes in done.hashes]},
    )


def file_data(
    hashes: FileHashes, expected: str | None = None, match: bool | None = None
) -> dict[str, Any]:
    """One file's entry in the JSON of `sdops hash` and `sdops verify`."""
    return {
        "path": hashes.path,
        "size_bytes": hashes.size_bytes,
        "sha256": hashes.sha256,
        "autov2": hashes.autov2,
        "a1111_short": hashes.a1111_short,
        "a1111_legacy": hashes.a1111_legacy,
        "autov3": hashes.autov3,
        "kohya": hashes.tensors_sha256,
        "blake3": hashes.blake3,
        "crc32": hashes.crc32,
        "expected": expected,
        "match": match,
    }


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one file."""

    hashes: FileHashes | None = None
    broken: Finding | None = None
    fault: str = ""


def _outcome(
    file: Path, extras: Extras, cache: ResultCache | None, advance: Callable[[int], None]
) -> _Outcome:
    try:
        hashes = hash_file(file, extras, cache, advance)
        return _Outcome(hashes, examine(file))
    except UnreadableInputError as error:
        return _Outcome(fault=error.message)
