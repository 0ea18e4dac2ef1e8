"""Verifies many files side by side and reports them: the work behind `sdops verify`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from sdops.checkpoint.damage import examine
from sdops.checkpoint.files.side_by_side import side_by_side
from sdops.checkpoint.files.walk import walk
from sdops.checkpoint.hash.answer import HashedFile
from sdops.checkpoint.hash.hashes import Extras, hash_file
from sdops.checkpoint.hash.report import hashed_file
from sdops.checkpoint.verify import manifest
from sdops.checkpoint.verify.answer import VerifyAnswer
from sdops.checkpoint.verify.judge import (
    Lookup,
    Outcome,
    Pair,
    judge,
    judge_unhashed,
    pair,
    pairs_of_list,
)
from sdops.checkpoint.verify.manifest import Expected
from sdops.errors import SdopsError, UsageError
from sdops.finding import Report

_LIST_SUFFIXES = frozenset({".sha256", ".sha256sum", ".sha256sums", ".txt", ".sums"})


@dataclass(frozen=True, slots=True)
class Question:
    """Which files, and what they should be."""

    pairs: tuple[Pair, ...]
    faults: tuple[str, ...]


def question(paths: Sequence[Path], against: Sequence[Path], expect: str | None) -> Question:
    """Pairs every file at `paths` with its expectation.

    A path that is itself a list of hashes (`sha256sums.txt`) stands for the files that it names.

    Raises:
        UsageError: `expect` is no hash, or is given for more than one file.
        UnreadableInputError: a list cannot be read or understood.
    """
    lists = [item for path in against for item in manifest.read(path)]
    if expect is not None:
        lists.insert(0, _named_on_command_line(expect))
    pairs: list[Pair] = []
    found = walk(paths)
    for file in found.files:
        is_list = file.suffix.lower() in _LIST_SUFFIXES
        if file in paths and not against and (is_list or manifest.is_list(file)):
            pairs += pairs_of_list(file)
        elif file in paths or not is_list:
            pairs.append(pair(file, lists))
    if expect is not None and len(pairs) > 1:
        raise UsageError("--expect says what one file should be, but several were named.")
    return Question(tuple(pairs), found.faults)


def verify_all(
    asked: Question,
    lookups: Sequence[Lookup],
    *,
    jobs: int,
    advance: Callable[[int], None],
) -> Report:
    """The Report of `sdops verify`; a file that cannot be read is a fault.

    Results of earlier runs are not used: whoever verifies wants the bytes read.
    """
    begin = time.monotonic()
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    answers, whole = side_by_side(
        partial(_verify, lookups), asked.pairs, jobs=jobs, advance=advance
    )
    outcomes = [answer for answer in answers if isinstance(answer, Outcome)]
    return Report(
        command="verify",
        subject=", ".join(str(item.path) for item in asked.pairs[:3]) or "nothing",
        started_at=started_at,
        duration_s=time.monotonic() - begin,
        findings=tuple(finding for outcome in outcomes for finding in outcome.findings),
        interrupted=not whole,
        faults=asked.faults + tuple(answer for answer in answers if isinstance(answer, str)),
        data=VerifyAnswer(tuple(map(_file, outcomes))),
    )


def _verify(lookups: Sequence[Lookup], item: Pair, advance: Callable[[int], None]) -> Outcome | str:
    try:
        outcome = judge_unhashed(item)
        if outcome is not None:
            return outcome
        digest = item.expected.digest if item.expected else ""
        # Eight digits are A1111's legacy hash or a CRC32; 64 may be a BLAKE3.
        hashes = hash_file(item.path, Extras(crc32=len(digest) == 8), advance=advance)
        judged = judge(item, hashes, lookups)
        misnamed = examine(item.path)
        return (
            judged if misnamed is None else replace(judged, findings=(misnamed, *judged.findings))
        )
    except SdopsError as error:
        return error.message
    except OSError as error:
        return f"{item.path} cannot be read: {error.strerror or error}."


def _named_on_command_line(expect: str) -> Expected:
    found = manifest.short_name(expect)
    if found is None:
        raise UsageError(
            f"{expect!r} is not a hash.", "Give 8 to 64 hexadecimal digits, or 'name [digits]'."
        )
    return Expected(None, found.digest, origin=found.origin)


def _file(outcome: Outcome) -> HashedFile:
    digest = outcome.expected.digest if outcome.expected else None
    if outcome.hashes is not None:
        return hashed_file(outcome.hashes, digest, outcome.match)
    size = outcome.path.stat().st_size if outcome.path.exists() else None
    return HashedFile(str(outcome.path), size, expected=digest, match=outcome.match)
