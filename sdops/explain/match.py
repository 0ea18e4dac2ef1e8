"""Finds the known failures in the units of a log."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sdops.explain.owners import Owner, owner_of
from sdops.explain.structure import Unit
from sdops.knowledge.signatures import Phrase, Signature, signatures

NEAR = 14
"""Units around a phrase in which those that belong with it must stand."""

MAX_SIGHTINGS = 400
"""Sightings of one class that are looked at in one log."""

_WORD = re.compile(r"\w+")
_SIZES = {"b": 1, "bytes": 1, "kib": 1 << 10, "kb": 1 << 10, "mib": 1 << 20, "mb": 1 << 20,
          "gib": 1 << 30, "gb": 1 << 30, "tib": 1 << 40}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """One class seen in one unit."""

    signature: Signature
    index: int
    """The place in the unit."""
    unit: Unit
    line: int
    """The line of the file that proves it."""
    excerpt: str
    captured: Mapping[str, str]
    owner: Owner


@cache
def _index() -> Mapping[str, tuple[tuple[Signature, tuple[Phrase, ...]], ...]]:
    """Classes by the rarest word of the first phrase of each of their groups."""
    rows = [(item, group) for item in signatures() for group in item.any]
    counts = Counter(word for _, group in rows for word in group[0].words)
    table = defaultdict(list)
    for item, group in rows:
        rarest = min(group[0].words, key=lambda word: (counts[word], -len(word)), default="")
        table[rarest].append((item, group))
    return {word: tuple(rows) for word, rows in table.items()}


@cache
def _whole_lines() -> Mapping[str, Signature]:
    return {line: item for item in signatures() for line in item.whole}


def find(units: Sequence[Unit], facts: Mapping[str, str]) -> tuple[Match, ...]:
    """Every class that is seen in `units`, in the order of the log.

    Args:
        units: the log.
        facts: what is known of the machine and the installation; a class that needs a fact to be
            otherwise is not seen.
    """
    index = _index()
    seen: dict[str, int] = {}
    found: list[Match] = []
    for position, unit in enumerate(units):
        words = set(_WORD.findall(unit.text.lower()))
        candidates = [row for word in words & index.keys() for row in index[word]]
        candidates += index.get("", ())
        hits: dict[str, Match] = {}
        alone = _whole_lines().get(unit.text)
        if alone is not None:
            owner = owner_of(unit, units, position)
            hits[alone.id] = Match(alone, position, unit, unit.line, unit.text, {}, owner)
        for item, group in candidates:
            if not group[0].words <= words or item.id in hits:
                continue
            if seen.get(item.id, 0) >= MAX_SIGHTINGS:
                continue
            match = _match(item, group, units, position, facts)
            if match is not None:
                hits[item.id] = match
                seen[item.id] = seen.get(item.id, 0) + 1
        found += hits.values()
    return tuple(found)


def _match(
    item: Signature,
    group: tuple[Phrase, ...],
    units: Sequence[Unit],
    position: int,
    facts: Mapping[str, str],
) -> Match | None:
    unit = units[position]
    first = group[0].pattern.search(unit.text)
    if first is None or not _in_scope(item, unit):
        return None
    captured = {name: value for name, value in first.groupdict().items() if value}
    near = _near(units, position) if len(group) > 1 or item.without else ()
    for other in group[1:]:
        match = next((m for text in near if (m := other.pattern.search(text))), None)
        if match is None:
            return None
        captured |= {name: value for name, value in match.groupdict().items() if value}
    if any(other.pattern.search(text) for other in item.without for text in near):
        return None
    owner = owner_of(unit, units, position)
    if not _holds(item, captured, owner, facts):
        return None
    row = unit.text.count("\n", 0, first.start())
    text = unit.text.split("\n")[row]
    return Match(item, position, unit, unit.lines[row], text.strip(), captured, owner)


def _in_scope(item: Signature, unit: Unit) -> bool:
    if item.kind and item.kind != unit.kind:
        return False
    if item.frames and not any(part in frame.file for frame in unit.frames for part in item.frames):
        return False
    return (not item.section or item.section == unit.section) and unit.section not in item.outside


def _near(units: Sequence[Unit], position: int) -> tuple[str, ...]:
    unit = units[position]
    around = units[max(position - NEAR, 0) : position + NEAR + 1]
    return tuple(other.text for other in around if other.run == unit.run)


def _holds(
    item: Signature, captured: Mapping[str, str], owner: Owner, facts: Mapping[str, str]
) -> bool:
    if item.owner and (item.owner == "pack") != (owner.kind == "pack"):
        return False
    for name, allowed in item.values.items():
        if captured.get(name, "").lower() not in allowed:
            return False
    for name, wanted in item.facts.items():
        if name in facts and facts[name] != wanted:
            return False
    return all(
        (left := _amount(captured, rule.left)) is not None
        and (right := _amount(captured, rule.at_least)) is not None
        and left >= rule.factor * right
        for rule in item.compare
    )


def _amount(captured: Mapping[str, str], name: str) -> float | None:
    """The captured `name` with its unit, which is captured as `<name>_unit`."""
    return size(f"{captured.get(name, '')} {captured.get(f'{name}_unit', '')}")


def size(text: str) -> float | None:
    """`16.48 GiB` in bytes, a bare number as it is; None for anything else."""
    match = re.match(r"^\s*(\d{1,15}(?:\.\d{1,6})?)\s?([A-Za-z]{1,5})?\s*$", text)
    if match is None:
        return None
    unit = _SIZES.get((match[2] or "b").lower())
    return None if unit is None else float(match[1]) * unit
