"""Hashes many files side by side and reports them: the work behind `sdops hash`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from sdops.checkpoint.damage import examine
from sdops.checkpoint.files.cache import ResultCache
from sdops.checkpoint.files.side_by_side import side_by_side
from sdops.checkpoint.files.walk import Walk
from sdops.checkpoint.hash.answer import HashAnswer, HashedFile
from sdops.checkpoint.hash.hashes import (
    CACHE_VERSION,
    Extras,
    FileHashes,
    read_hashes,
    remember,
    remembered,
)
from sdops.errors import UnreadableInputError
from sdops.finding import Finding, Report
from sdops.knowledge.model_damage import MODEL_SUFFIXES

_BATCH_BYTES, _BATCH_FILES = 4 << 20, 64
_LARGEST_POINTER_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Done:
    """The files' hashes, in the order of the work."""

    hashes: tuple[FileHashes, ...]
    findings: tuple[Finding, ...]
    """About the files that are broken."""
    faults: tuple[str, ...]
    started_at: str
    duration_s: float
    interrupted: bool = False
    """Whether the user stopped it: only some of the files were hashed."""


def hash_all(
    work: Walk, extras: Extras, *, jobs: int, cached: bool, advance: Callable[[int], None]
) -> Done:
    """Hashes every file of `work`, `jobs` at a time; a file that cannot be read is a fault."""
    begin = time.monotonic()
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    answers: dict[Path, _Outcome] = {}
    with ResultCache("hash", CACHE_VERSION) if cached else nullcontext() as cache:

        def take(results: list[_Outcome]) -> None:
            for result in results:
                answers[result.path] = result
                if result.hashes is not None and result.status is not None:
                    remember(result.hashes, result.status, cache)

        todo = []
        for file in work.files:
            known = remembered(file, extras, cache)
            if known is None:
                todo.append(file)
            else:
                advance(known.size_bytes)
                answers[file] = _Outcome(file, known, _broken(file, known.size_bytes))
        _, whole = side_by_side(
            partial(_hash_batch, extras), _batches(todo), jobs=jobs, advance=advance, take=take
        )
    found = [answers[file] for file in work.files if file in answers]
    return Done(
        hashes=tuple(answer.hashes for answer in found if answer.hashes is not None),
        findings=tuple(answer.broken for answer in found if answer.broken is not None),
        faults=work.faults + tuple(answer.fault for answer in found if answer.fault),
        started_at=started_at,
        duration_s=time.monotonic() - begin,
        interrupted=not whole,
    )


def _batches(files: Sequence[Path]) -> list[list[Path]]:
    """Small files together: handing one over takes as long as hashing it."""
    batches: list[list[Path]] = []
    room = 0
    for file in files:
        try:
            size = file.stat().st_size
        except (OSError, ValueError):
            size = 0
        room -= size + _BATCH_BYTES // _BATCH_FILES
        if room < 0 or not batches:
            batches.append([])
            room = _BATCH_BYTES
        batches[-1].append(file)
    return batches


def report(done: Done) -> Report:
    """The Report of `sdops hash`."""
    return Report(
        command="hash",
        subject=", ".join(hashes.path for hashes in done.hashes[:3]) or "nothing",
        started_at=done.started_at,
        duration_s=done.duration_s,
        findings=done.findings,
        cases=tuple(hashes.path for hashes in done.hashes),
        interrupted=done.interrupted,
        faults=done.faults,
        data=HashAnswer(tuple(map(hashed_file, done.hashes))),
    )


def hashed_file(
    hashes: FileHashes, expected: str | None = None, match: bool | None = None
) -> HashedFile:
    """One file's entry in the answers of `sdops hash` and `sdops verify`."""
    return HashedFile(
        path=hashes.path,
        size_bytes=hashes.size_bytes,
        sha256=hashes.sha256,
        autov2=hashes.autov2,
        a1111_short=hashes.a1111_short,
        a1111_legacy=hashes.a1111_legacy,
        autov3=hashes.autov3,
        kohya=hashes.tensors_sha256,
        blake3=hashes.blake3,
        crc32=hashes.crc32,
        expected=expected,
        match=match,
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one file."""

    path: Path
    hashes: FileHashes | None = None
    broken: Finding | None = None
    fault: str = ""
    status: os.stat_result | None = None
    """The file as it was when it was hashed; None where that was remembered."""


def _hash_batch(
    extras: Extras, files: Sequence[Path], advance: Callable[[int], None]
) -> list[_Outcome]:
    return [_hash(file, extras, advance) for file in files]


def _hash(file: Path, extras: Extras, advance: Callable[[int], None]) -> _Outcome:
    try:
        hashes, status = read_hashes(file, extras, advance)
        return _Outcome(file, hashes, _broken(file, hashes.size_bytes), status=status)
    except UnreadableInputError as error:
        return _Outcome(file, fault=error.message)


def _broken(file: Path, size: int) -> Finding | None:
    """What is wrong with the file; of files that are not models, only placeholders are reported."""
    if size >= _LARGEST_POINTER_BYTES and not file.name.lower().endswith(MODEL_SUFFIXES):
        return None
    try:
        return examine(file)
    except UnreadableInputError:
        return None  # it was readable a moment ago, and its hashes are right
