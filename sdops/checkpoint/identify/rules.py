"""Matches the rows of `profiles/architectures.toml` against the tensors of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sdops import profile

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of each tensor, by name."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Match:
    """A row that fits, and why."""

    row: Row
    prefix: str
    evidence: tuple[str, ...]
    """What was seen, in words: `input_blocks.0.0.weight is 320×4×3×3`."""
    variant: str | None = None

    @property
    def id(self) -> str:
        """The row's id: the architecture's or kind's name."""
        return str(self.row["id"])

    @property
    def title(self) -> str:
        """What people call it."""
        name = str(self.row.get("name", self.row["id"]))
        return f"{name} {self.variant}" if self.variant else name


@cache
def table() -> Mapping[str, Any]:
    """The rows of every kind, in the order in which they are tried."""
    layouts = {"diffusers": "model", "vaes": "vae"}
    found = dict(profile.load("architectures"))
    for file, section in layouts.items():
        rows = [*found[section], *profile.load(f"models/{file}")[section]]
        found[section] = sorted(rows, key=lambda row: bool(row.get("generic")))
    return {
        **found,
        "control": profile.load("models/controls")["control"],
        "upscaler": profile.load("models/upscalers")["upscaler"],
        "text_encoder": profile.load("models/encoders")["text_encoder"],
        "vision": profile.load("models/encoders")["vision"],
    }


def first_match(rows: Iterable[Row], shapes: Shapes, prefixes: Sequence[str]) -> Match | None:
    """The first row that fits the tensors behind the first prefix that any row fits."""
    rows = tuple(rows)
    heads = {name.partition(".")[0] for name in shapes}
    for prefix in prefixes:
        if prefix and prefix.partition(".")[0] not in heads:
            continue
        inside = strip(shapes, prefix)
        if not inside:
            continue
        for row in rows:
            evidence = fits(row, inside, shapes)
            if evidence is not None:
                return Match(row, prefix, tuple(evidence), _variant(row, inside, shapes))
    return None


def strip(shapes: Shapes, prefix: str) -> Shapes:
    """The tensors whose names begin with `prefix`, named without it."""
    if not prefix:
        return shapes
    size = len(prefix)
    return {name[size:]: shape for name, shape in shapes.items() if name.startswith(prefix)}


def _variant(row: Row, inside: Shapes, whole: Shapes) -> str | None:
    fitting = (item for item in row.get("variant", ()) if fits(item, inside, whole) is not None)
    return next((str(item["id"]) for item in fitting), None)


def fits(row: Row, inside: Shapes, whole: Shapes) -> list[str] | None:
    """The evidence that `row` fits the tensors `inside` a prefix of the `whole` file, or None."""
    conditions = (_names, _dimensions, _patterns)
    evidence: list[str] = []
    for condition in conditions:
        seen = condition(row, inside, whole)
        if seen is None:
            return None
        evidence += seen
    return evidence


def _names(row: Row, inside: Shapes, whole: Shapes) -> list[str] | None:
    if any(name in inside for name in row.get("none", ())):
        return None
    if any(name in whole for name in row.get("none_full", ())):
        return None
    wanted = list(row.get("all", ()))
    if not all(name in inside for name in wanted):
        return None
    for key, where in (("any", inside), ("any_full", whole)):
        if key in row:
            found = [name for name in row[key] if name in where]
            if not found:
                return None
            wanted += found[:1]
    if "any_all" in row:
        sets = [names for names in row["any_all"] if all(name in inside for name in names)]
        if not sets:
            return None
        wanted += sets[0]
    return [f"has {name}" for name in wanted]


def _patterns(row: Row, inside: Shapes, _whole: Shapes) -> list[str] | None:
    if "hint" in row and row["hint"] not in "\n".join(inside):
        return None
    if any(_first(pattern, inside) for pattern in row.get("none_re", ())):
        return None
    wanted = [_first(pattern, inside) for pattern in row.get("all_re", ())]
    if None in wanted:
        return None
    if "any_re" in row:
        found = next(filter(None, (_first(pattern, inside) for pattern in row["any_re"])), None)
        if found is None:
            return None
        wanted.append(found)
    return [f"has {name}" for name in wanted]


def _dimensions(row: Row, inside: Shapes, _whole: Shapes) -> list[str] | None:
    evidence = []
    for name, dimension, size in row.get("shape", ()):
        shape = inside.get(name)
        if shape is None or not -len(shape) <= dimension < len(shape):
            return None
        if shape[dimension] not in (size if isinstance(size, list) else [size]):
            return None
        evidence.append(f"{name} is {'×'.join(map(str, shape))}")
    for name, count in row.get("ndim", ()):
        if name not in inside or len(inside[name]) != count:
            return None
    return evidence


def _first(pattern: str, names: Iterable[str]) -> str | None:
    """The first of `names` in which `pattern` is found: one search in all of them at once."""
    text = "\n".join(names)
    found = _compiled(pattern).search(text)
    if found is None:
        return None
    end = text.find("\n", found.end())
    return text[text.rfind("\n", 0, found.start()) + 1 : len(text) if end < 0 else end]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)
