"""The user interfaces that sdops knows: a folder of `profiles/uis` each, forks after their parents.

A folder holds `ui.toml` (what it is and where it keeps what), and where there is more to say
`flags.toml` and `launch.toml`. With `extends`, everything that a fork does not state itself is its
parent's, except the signs by which it is recognized.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sdops import profile

FOLDER = "uis"
_OWN_ONLY = ("recognize", "upstream", "version")


@cache
def kinds() -> tuple[str, ...]:
    """Every kind of UI, sorted."""
    return profile.folders(FOLDER)


@cache
def table(kind: str) -> dict[str, Any]:
    """What `ui.toml` says of `kind`, with what it takes over from its parent.

    Raises:
        SdopsError: there is no such kind, or its table is not valid.
    """
    own = profile.load(f"{FOLDER}/{kind}/ui")
    parent = table(own["extends"]) if "extends" in own else {}
    taken = {key: value for key, value in parent.items() if key not in _OWN_ONLY}
    merged = {**taken, **own}
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(taken.get(key), dict):
            merged[key] = {**taken[key], **value}
    return merged


@cache
def part(kind: str, name: str) -> dict[str, Any] | None:
    """The profile `name` (`flags`, `launch`) of `kind` or of its nearest ancestor that has one."""
    for each in lineage(kind):
        if f"{FOLDER}/{each}/{name}" in profile.names(f"{FOLDER}/{each}"):
            return profile.load(f"{FOLDER}/{each}/{name}")
    return None


@cache
def lineage(kind: str) -> tuple[str, ...]:
    """`kind` and the UIs that it was forked from, nearest first; empty for one not known."""
    if kind not in kinds():
        return ()
    parent = profile.load(f"{FOLDER}/{kind}/ui").get("extends")
    return (kind, *lineage(parent)) if parent else (kind,)


def is_one_of(kind: str, others: Iterable[str]) -> bool:
    """Whether `kind` is one of `others` or a fork of one."""
    return not {kind, *lineage(kind)}.isdisjoint(others)


def trait(kind: str, name: str) -> Any:
    """What `ui.toml` says under `name`; None where it says nothing or the kind is not known."""
    return table(kind).get(name) if kind in kinds() else None
