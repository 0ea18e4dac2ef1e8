"""What a flag of one UI is called in another, by what it means, never by how it is spelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from sdops import uis
from sdops.facts.types import UiInstall
from sdops.knowledge.flags import flags_of, known_names, takes_flag
from sdops.likeness import distance
from sdops.profile import load

_MISTAKES = 2
_OPPOSITES = ("no", "dont", "disable", "skip", "without", "never")
"""How flags begin that are the opposite of others."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that flags of several UIs mean; a row of `profiles/flag_meanings`."""

    id: str
    flags: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    without: Mapping[str, str]
    source: str


@dataclass(frozen=True, slots=True)
class Instead:
    """What to do in place of a flag that a UI does not know."""

    flag: str | None = None
    """What to write: the flag with its value, if it takes one."""
    why: str = ""
    """Why nothing is to be written."""
    foreign: str | None = None
    """The UI that the flag belongs to, as people call it."""


@cache
def meanings() -> tuple[Meaning, ...]:
    """Every row of the table."""
    return tuple(
        Meaning(
            id=row["id"],
            flags=tuple(row["flags"]),
            words={kind: tuple(words) for kind, words in row["words"].items()},
            without=row.get("without", {}),
            source=row["source"],
        )
        for row in load("flag_meanings")["meaning"]
    )


def instead_of(ui: UiInstall, flag: str) -> Instead:
    """What the unknown `flag` is in this UI: the same by another name, a slip of the pen, nothing.

    A word of the UI's own family is offered only if this installed UI really takes it.
    """
    foreign = _owner(ui, flag)
    for meaning in meanings():
        if flag in meaning.flags:
            word = _first(meaning.words, ui.kind)
            if word and takes_flag(ui, word[0].split()[0]):
                return Instead(word[0], foreign=foreign)
            return Instead(why=_first(meaning.without, ui.kind) or "", foreign=foreign)
    if foreign is not None:
        return Instead(foreign=foreign)
    return Instead(_slip(ui, flag))


T = TypeVar("T")


def _first(table: Mapping[str, T], kind: str) -> T | None:
    return next((table[each] for each in uis.lineage(kind) if each in table), None)


def _owner(ui: UiInstall, flag: str) -> str | None:
    """A UI of another family that has this flag."""
    mine = set(uis.lineage(ui.kind))
    for kind in uis.kinds():
        table = flags_of(kind)
        if kind not in mine and table is not None and flag in table.rows:
            return table.title
    return None


def _slip(ui: UiInstall, flag: str) -> str | None:
    """The one flag that `flag` is a slip of the pen for; never one that means the opposite."""
    allowed = min(_MISTAKES, max(1, len(flag) // 5))
    near = sorted(
        (distance(flag.lower(), name.lower()), name)
        for name in known_names(ui)
        if takes_flag(ui, name) and _denial(name) == _denial(flag)
    )
    return near[0][1] if near and near[0][0] <= allowed else None


def _denial(flag: str) -> str | None:
    bare = flag.lower().lstrip("-")
    return next((word for word in _OPPOSITES if bare.startswith(word)), None)
