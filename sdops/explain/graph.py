"""Orders what was found: the causes, what merely follows from each, the harmless, the unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sdops.explain.match import Match
from sdops.explain.owners import Owner, fingerprint, owner_of
from sdops.explain.structure import Unit
from sdops.knowledge.signatures import explains

WRAPPER_REACH = 60
"""Units after a wrapper within which what it wraps may be printed."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A failure of no known class."""

    index: int
    unit: Unit
    owner: Owner
    fingerprint: str
    times: int = 1

    @property
    def line(self) -> int:
        """The line of the file that proves it."""
        return self.unit.line

    @property
    def excerpt(self) -> str:
        """What that line says."""
        return self.unit.text.split("\n", 1)[0]


Failure = Match | Unknown
T = TypeVar("T", Match, Failure)


@dataclass(frozen=True, slots=True)
class Cause:
    """One root of what went wrong."""

    failure: Failure
    consequences: tuple[Failure, ...] = ()
    also: tuple[int, ...] = ()
    """Further lines that say the same."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one log comes to."""

    causes: tuple[Cause, ...]
    harmless: tuple[Match, ...] = ()
    runs: int = 1
    run: int = 0
    """The run that is judged, from 0."""
    later_run_was_fine: bool = False


def diagnose(units: Sequence[Unit], matches: Sequence[Match], *, every_run: bool) -> Diagnosis:
    """What the log says, judged in the last run that failed (or in all of them)."""
    muted = _muted(units, matches)
    harmless = [match for match in matches if match.signature.severity == "harmless"]
    known = [
        match
        for match in matches
        if match.signature.severity != "harmless" and match.index not in muted
    ]
    unknown = _unknown(units, known, muted)
    runs = max((unit.run for unit in units), default=0) + 1
    everything: tuple[Failure, ...] = (*known, *unknown)
    failing = [item.unit.run for item in everything if _severity(item) == "error"]
    run = max(failing or [item.unit.run for item in known] or [runs - 1])
    wanted = range(runs) if every_run else (run,)
    chosen = [item for item in everything if item.unit.run in wanted]
    return Diagnosis(
        _causes(_prefer_fenced(chosen, units)),
        _once(match for match in harmless if match.unit.run in wanted),
        runs,
        run,
        later_run_was_fine=bool(failing) and run < runs - 1 and not every_run,
    )


def _severity(item: Failure) -> str:
    return item.signature.severity if isinstance(item, Match) else "error"


def _prefer_fenced(items: list[Failure], units: Sequence[Unit]) -> list[Failure]:
    """What stands in a fence, where there is one: around it people write in their own words."""
    programs = [item for item in items if item.unit.fenced or item.unit.frames]
    fenced = sum(unit.fenced for unit in units)
    return programs if (programs and fenced) or fenced > 2 else items


def _muted(units: Sequence[Unit], matches: Sequence[Match]) -> frozenset[int]:
    """Units of which a harmless class is all that there is to say."""
    serious = {match.index for match in matches if match.signature.severity != "harmless"}
    muted = {
        match.index
        for match in matches
        if match.signature.severity == "harmless" and match.index not in serious
    }
    for index in tuple(muted):
        after = index + 1
        if after < len(units) and units[index].text.startswith(
            ("Exception in callback", "Task exception", "Error handling request")
        ):
            muted.add(after)
    return frozenset(muted)


_FAILED_RECORD = re.compile(
    r"^(?:ERROR|error|Error|fatal|FATAL|Fatal error)\b ?[:\]-] ?\S|dumped\)|^terminate called"
    r"|^Segmentation fault|^Aborted|^Killed\b|^Bus error|^Illegal instruction"
    r"|\bhas stopped working|^\S{0,80}: (?:fatal )?error: \S"
    r"|^LLVM ERROR|^Assertion .{0,200} failed|^Fatal "
)
_NO_FAILURE = re.compile(
    r"KeyboardInterrupt|SystemExit|GeneratorExit|CancelledError|InterruptProcessingException|StopIteration"
    r"|BrokenPipeError|ClientDisconnect|ConnectionResetError|ClientConnectionResetError|WebSocketDisconnect"
)
_FALLBACKS = ("ModuleNotFoundError", "ImportError")


def _unknown(units: Sequence[Unit], known: Sequence[Match], muted: frozenset[int]) -> list[Unknown]:
    blocks = {(match.unit.run, match.unit.block) for match in known if match.unit.frames}
    explained = {match.index for match in known}
    found: dict[str, Unknown] = {}
    passed: set[tuple[int, int]] = set()
    weak: list[int] = []
    for index, unit in enumerate(units):
        place = (unit.run, unit.block)
        if index in explained or index in muted or unit.harmless:
            continue
        if unit.kind != "exception":
            if (unit.level == "error" or _FAILED_RECORD.search(unit.text)) and len(weak) < 200:
                weak.append(index)
            continue
        if _NO_FAILURE.search(unit.exception):
            continue
        if unit.frames and (place in blocks or place in passed):
            continue
        if not unit.frames and unit.level == "warning":
            continue
        passed.add(place)
        _add(found, units, index)
    if not known:
        found_runs = {item.unit.run for item in found.values()}
        for index in weak:
            if units[index].run not in found_runs:
                _add(found, units, index)
    return list(found.values())


def _add(found: dict[str, Unknown], units: Sequence[Unit], index: int) -> None:
    unit = units[index]
    owner = owner_of(unit, units, index)
    mark = fingerprint(unit, owner)
    key = f"{unit.run}/{mark}/{unit.text.split(chr(10), 1)[0][:200]}"
    before = found.get(key)
    if before is None:
        found[key] = Unknown(index, unit, owner, mark)
    else:
        better = before.unit.frames or not unit.frames
        kept = before if better else replace(before, index=index, unit=unit, owner=owner)
        found[key] = replace(kept, times=before.times + 1)


def _causes(items: Sequence[Failure]) -> tuple[Cause, ...]:
    ordered = sorted(items, key=lambda item: item.index)
    above: dict[int, Failure] = {}
    for at, item in enumerate(ordered):
        cause = next(
            (other for other in ordered if other is not item and _follows(item, other)), None
        )
        if cause is not None:
            above[at] = cause
    roots = [item for at, item in enumerate(ordered) if at not in above]
    if not roots:
        roots = ordered[:1]
    grouped: dict[str, list[Failure]] = {}
    for item in roots:
        grouped.setdefault(_name(item), []).append(item)
    positions = {id(item): at for at, item in enumerate(ordered)}
    causes = []
    for group in grouped.values():
        best = max(group, key=lambda item: (bool(item.unit.frames), -item.index))
        members = {id(item) for item in group}
        below = [
            item for item in ordered
            if id(item) not in members and id(_top(above, positions, item)) in members
        ]  # fmt: skip
        lines = tuple(sorted({item.line for item in group if item is not best}))
        causes.append(Cause(best, _once(below), lines))
    return tuple(sorted(causes, key=_rank))


def _top(above: Mapping[int, Failure], positions: Mapping[int, int], item: Failure) -> Failure:
    for _ in range(20):
        cause = above.get(positions[id(item)])
        if cause is None:
            break
        item = cause
    return item


def _name(item: Failure) -> str:
    return item.signature.id if isinstance(item, Match) else f"?{item.fingerprint}"


def _follows(item: Failure, other: Failure) -> bool:
    """Whether `item` is only a consequence of `other`."""
    if item.unit.run != other.unit.run or _name(item) == _name(other):
        return False
    if isinstance(other, Unknown):
        near = other.index <= item.index + WRAPPER_REACH
        return isinstance(item, Match) and item.signature.wrapper and near
    if isinstance(item, Unknown):
        return _unknown_follows(item, other)
    if explains(other.signature.id, item.signature.id):
        return True
    if explains(item.signature.id, other.signature.id):
        return False
    if item.signature.wrapper and not other.signature.wrapper:
        return other.signature.severity == "error" and other.index <= item.index + WRAPPER_REACH
    return _same_place(item, other) and _weaker(item, other)


def _unknown_follows(item: Unknown, other: Match) -> bool:
    if other.signature.severity != "error":
        return False
    if other.signature.wrapper:
        return False
    same = item.owner.name and item.owner.name == other.owner.name
    return bool(same) and item.index > other.index and item.owner.kind == "pack"


def _same_place(item: Match, other: Match) -> bool:
    if item.index == other.index:
        return True
    framed = item.unit.frames and other.unit.frames
    return bool(framed) and item.unit.block == other.unit.block


def _weaker(item: Match, other: Match) -> bool:
    """The one that gives way of two classes in one place without an edge between them."""

    def strength(match: Match) -> tuple[bool, bool, int, int, str]:
        error = match.signature.severity == "error"
        return (
            error,
            not match.signature.wrapper,
            -match.index,
            match.signature.specific,
            match.signature.id,
        )

    return strength(item) < strength(other)


def _rank(cause: Cause) -> tuple[int, int, int, int]:
    """Errors first, of these what stopped the program, then the known, then the earlier."""
    item = cause.failure
    severity = 0 if _severity(item) == "error" else 1
    side_issue = item.owner.kind == "pack" and item.unit.stage in ("launch", "install", "")
    wrapper = isinstance(item, Match) and item.signature.wrapper
    return (severity, int(side_issue or wrapper), int(isinstance(item, Unknown)), item.index)


def _once(items: Iterable[T]) -> tuple[T, ...]:
    """The first of each class."""
    seen: dict[str, T] = {}
    for item in items:
        seen.setdefault(_name(item), item)
    return tuple(seen.values())
