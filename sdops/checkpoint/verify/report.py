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
from sdops.checkpoint.open import sniff
from sdops.checkpoint.verify import contents, manifest
from sdops.checkpoint.verify.answer import VerifyAnswer
from sdops.checkpoint.verify.judge import (
    Lookup,
    Outcome,
    Pair,
    by_digest,
    judge,
    judge_unhashed,
    pair,
    pairs_of_list,
)
from sdops.checkpoint.verify.manifest import Expected
from sdops.errors import SdopsError, UsageError
from sdops.finding import Finding, Report

_COMPANIONS = (
    ".json", ".yaml", ".yml", ".toml", ".txt", ".md", ".csv", ".html", ".info", ".png", ".jpg",
    ".jpeg", ".webp", ".gif", ".mp4", ".py", ".asc", ".sig", ".minisig", ".sha256", ".sfv",
    ".gitattributes", ".gitignore",
)  # fmt: skip
_LARGEST_POINTER_BYTES = 1024
_MOST_UNKNOWN = 5
_LIST_SUFFIXES = frozenset({".sha256", ".sha256sum", ".sha256sums", ".txt", ".sums"})


@dataclass(frozen=True, slots=True)
class Question:
    """Which files, and what they should be."""

    pairs: tuple[Pair, ...]
    faults: tuple[str, ...]
    lists: tuple[Expected, ...] = ()
    """All that is expected, also of other names."""


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
        elif file in paths or not (is_list or _is_companion(file, lists)):
            pairs.append(pair(file, lists))
    if expect is not None and len(pairs) > 1:
        raise UsageError("--expect says what one file should be, but several were named.")
    return Question(tuple(pairs), found.faults, tuple(lists))


def _is_companion(file: Path, lists: Sequence[Expected]) -> bool:
    """Whether a file in a folder stands beside models and is none, by its name; no placeholder."""
    if any(item.name is not None and Path(item.name).name == file.name for item in lists):
        return False
    size = file.stat().st_size if file.is_file() else 0
    if file.name.lower().endswith(_COMPANIONS):
        return size > _LARGEST_POINTER_BYTES or sniff(file).container != "lfs-pointer"
    return size == 0 and "." not in file.name  # `put_checkpoints_here`


def verify_all(
    asked: Question,
    lookups: Sequence[Lookup],
    *,
    jobs: int,
    advance: Callable[[int], None],
    every_weight: bool = False,
) -> Report:
    """The Report of `sdops verify`; a file that cannot be read is a fault.

    Results of earlier runs are not used: whoever verifies wants the bytes read.
    """
    begin = time.monotonic()
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    answers, whole = side_by_side(
        partial(_verify, (by_digest(asked.lists), *lookups), every_weight),
        asked.pairs,
        jobs=jobs,
        advance=advance,
    )
    outcomes = [answer for answer in answers if isinstance(answer, Outcome)]
    return Report(
        command="verify",
        subject=", ".join(str(item.path) for item in asked.pairs[:3]) or "nothing",
        started_at=started_at,
        duration_s=time.monotonic() - begin,
        findings=_summed_up([item for outcome in outcomes for item in outcome.findings]),
        cases=tuple(dict.fromkeys(str(item.path) for item in asked.pairs)),
        interrupted=not whole,
        faults=asked.faults + tuple(answer for answer in answers if isinstance(answer, str)),
        data=VerifyAnswer(tuple(map(_file, outcomes))),
    )


def _summed_up(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One finding about many files that nothing is known of: a folder's answer fits a screen."""
    unknown = [item for item in findings if item.rule == "verify-nothing-known"]
    if len(unknown) <= _MOST_UNKNOWN:
        return tuple(findings)
    paths = [item.location.path for item in unknown if item.location is not None]
    text = f"There is nothing to compare {len(unknown)} of the files with"
    summary = unknown[0]._replace(title=text, evidence={"paths": paths}, location=None)
    return (*(item for item in findings if item not in unknown), summary)


def _verify(
    lookups: Sequence[Lookup], every_weight: bool, item: Pair, advance: Callable[[int], None]
) -> Outcome | str:
    try:
        outcome = judge_unhashed(item)
        if outcome is not None:
            return outcome
        digest = item.expected.digest if item.expected else ""
        # Eight digits are A1111's legacy hash or a CRC32; 64 may be a BLAKE3.
        kind = item.expected.kind if item.expected else ""
        extras = Extras(blake3=kind == "blake3", crc32=len(digest) == 8)
        hashes = hash_file(item.path, extras, advance=advance)
        judged = judge(item, hashes, lookups)
        own = contents.findings(item.path, hashes, every_weight=every_weight)
        judged = replace(judged, findings=(*judged.findings, *own))
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
