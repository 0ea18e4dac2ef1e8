"""Is this file what it should be? Says so in plain words: altered, truncated, never downloaded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdops import profile
from sdops.checkpoint.damage import platform
from sdops.checkpoint.hash.hashes import FileHashes
from sdops.checkpoint.open import sniff
from sdops.checkpoint.verify import manifest
from sdops.checkpoint.verify.manifest import Expected
from sdops.finding import Finding, Location, Remedy, Severity
from sdops.knowledge import model_damage
from sdops.paths import real

_ANOTHER_THING = ("lfs-pointer", "html", "json", "text", "empty")
"""What was never the model is not a part of it."""

_STRONG_DIGITS = 10
_WEAK = {
    "a1111_legacy": "A1111's old hash covers 64 KiB of the file and has eight digits: many files"
    " share it, and whatever else was changed does not show.",
    "crc32": "A CRC32 finds damage, but anyone can make another file that has it.",
}
SHA256 = re.compile("[0-9a-f]{64}")
Lookup = Callable[[Path, FileHashes], "Expected | None"]
"""Asks somewhere else what a file should be; None when it is not known there."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A file and what it should be."""

    path: Path
    expected: Expected | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one pair."""

    path: Path
    hashes: FileHashes | None
    """None where the file was not worth hashing: a pointer, an error page, absent."""
    expected: Expected | None
    match: bool | None
    """None where there was nothing to compare with."""
    findings: tuple[Finding, ...]


def pairs_of_list(path: Path) -> tuple[Pair, ...]:
    """Every file that the list at `path` names, next to what it should be.

    Raises:
        UnreadableInputError: the list cannot be read or understood.
    """
    named = [item for item in manifest.read(path) if item.name is not None]
    return tuple(Pair(_place(path.parent, str(item.name)), item) for item in named)


def _place(folder: Path, name: str) -> Path:
    """Where `name` of a list is: also one written on Windows, or in bytes that are not UTF-8."""
    place = folder / name
    if os.name == "nt" or place.exists():
        return place
    others = (folder / name.replace("\\", "/"), folder / _as_bytes(name))
    return next((other for other in others if other.exists()), place)


def _as_bytes(name: str) -> str:
    """The name of the file whose bytes were read as Western European text."""
    return os.fsdecode(name.encode("cp1252", "replace"))


def pair(path: Path, lists: Sequence[Expected]) -> Pair:
    """The file at `path` with what is expected of it.

    Looked up in order: the `lists` (a line without a name speaks of every file), a sidecar, the
    name that the Hugging Face cache gave it, the table of well-known models (by file name).

    Raises:
        UnreadableInputError: the sidecar cannot be understood.
    """
    for item in lists:
        if item.name is None or _same_name(path, item.name):
            return Pair(path, item)
    beside = manifest.sidecar(path)
    if beside is not None:
        items = [item for item in manifest.read(beside) if item.name in (None, path.name)]
        return Pair(path, items[0] if items else None)
    return Pair(path, manifest.civitai_info(path) or _hugging_face_cache(path) or _well_known(path))


def judge_unhashed(item: Pair) -> Outcome | None:
    """The outcome for a file that needs no hashing to be judged, or None.

    A whole sha256 decides over any guess about the file's structure: such a file is hashed.
    """
    if not item.path.exists():
        why = f"{item.expected.origin} lists it." if item.expected else ""
        finding = _finding(
            item.path, "verify-missing", "A file that should be here is missing", why
        )
        return Outcome(item.path, None, item.expected, False, (finding,))
    found = None if _is_decisive(item) else broken(item)
    return None if found is None else Outcome(item.path, None, item.expected, False, (found,))


def judge(item: Pair, hashes: FileHashes, lookups: Iterable[Lookup] = ()) -> Outcome:
    """Compares `hashes` with what is expected, asking `lookups` where nothing is."""
    expected = item.expected
    for lookup in lookups:
        expected = expected or lookup(item.path, hashes)
    if expected is None:
        finding = Finding(
            "verify-nothing-known",
            Severity.INFO,
            "There is nothing to compare this file with",
            "No list, no .sha256 file beside it, and it is not one of the models that sdops knows.",
            {"sha256": hashes.sha256},
            Location(str(item.path)),
        )
        return Outcome(item.path, hashes, None, None, (finding,))
    form = hashes.matching(expected.digest)
    if form is not None:
        return Outcome(item.path, hashes, expected, True, _weakness(item.path, form))
    why = broken(item)
    if why is not None and why.rule == model_damage.RULE:
        return Outcome(item.path, hashes, expected, False, (why,))
    finding = Finding(
        "verify-altered",
        Severity.ERROR,
        "This file is not the one it should be: its content was changed or damaged",
        f"Its hash is {_comparable(hashes, expected.digest)}, but {expected.origin} says"
        f" {expected.digest}.",
        {"sha256": hashes.sha256, "expected": expected.digest, "origin": expected.origin},
        Location(str(item.path)),
        (Remedy("Download the file again from where you trust it, and verify it again."),),
    )
    return Outcome(item.path, hashes, expected, False, (finding,))


def by_digest(lists: Sequence[Expected]) -> Lookup:
    """Asks the `lists` for a file that they know under another name."""

    def ask(_path: Path, hashes: FileHashes) -> Expected | None:
        strong = (item for item in lists if len(item.digest) >= _STRONG_DIGITS)
        return next((item for item in strong if hashes.matches(item.digest)), None)

    return ask


def _weakness(path: Path, form: str) -> tuple[Finding, ...]:
    """What a match does not prove, where it does not prove much."""
    if form not in _WEAK:
        return ()
    return (
        Finding(
            "verify-weak-match", Severity.INFO,
            "The hash matches, but it proves little", _WEAK[form], {"form": form},
            Location(str(path)), (Remedy("Compare the sha256, where its maker gives it."),),
        ),
    )  # fmt: skip


def _comparable(hashes: FileHashes, digest: str) -> str:
    return hashes.sha256[: len(digest)]


def _is_decisive(item: Pair) -> bool:
    """Whether the file has the size and may have the digest that it should have."""
    if item.expected is None or not SHA256.fullmatch(item.expected.digest):
        return False
    wanted = item.expected.size_bytes
    return item.path.stat().st_size == wanted if wanted is not None else True


def broken(item: Pair) -> Finding | None:
    """Damage that shows before anything is hashed; the size that it should have tells it best."""
    seen = sniff(item.path)
    wanted = item.expected.size_bytes if item.expected else None
    if wanted is not None and seen.size_bytes < wanted and seen.container not in _ANOTHER_THING:
        missing = wanted - seen.size_bytes
        seen = replace(seen, container="truncated", missing_bytes=missing, expected_bytes=wanted)
    found = model_damage.finding(seen, platform())
    if found is not None and found.severity >= Severity.ERROR:
        return found
    if wanted is None or wanted >= seen.size_bytes:
        return None
    why = (
        f"It has {seen.size_bytes} bytes, {seen.size_bytes - wanted} more than the {wanted} that it"
        " should have."
    )
    return _finding(item.path, "verify-altered", "This file is not the one it should be", why)


def _finding(path: Path, rule: str, title: str, why: str) -> Finding:
    again = Remedy("Download the file again.")
    return Finding(rule, Severity.ERROR, title, why, {}, Location(str(path)), (again,))


def _same_name(path: Path, name: str) -> bool:
    wanted = Path(name.replace("\\", "/"))
    if wanted.parts[-1:] == (path.name,):
        return path.absolute().parts[-len(wanted.parts) :] == wanted.parts or len(wanted.parts) == 1
    # A1111 shows a model's name without its ending.
    return len(wanted.parts) == 1 and wanted.name == path.stem


def _hugging_face_cache(path: Path) -> Expected | None:
    blob = Path(real(path))
    if blob.parent.name == "blobs" and re.fullmatch(r"[0-9a-f]{64}", blob.name):
        return Expected(path.name, blob.name, origin="the Hugging Face cache")
    return None


def _well_known(path: Path) -> Expected | None:
    for row in profile.load("known_hashes")["model"]:
        if row["file"] == path.name:
            origin = f"the list of well-known models ({row['title']})"
            return Expected(path.name, row["sha256"], origin=origin)
    return None
