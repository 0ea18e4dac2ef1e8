"""Which parts a checkpoint holds, and which its family needs that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sdops import profile

_SHARD = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.[a-z]+)$")


class Contents(NamedTuple):
    """The parts beside the diffusion model, by the names that people use."""

    holds: tuple[str, ...]
    lacks: tuple[str, ...]
    """What the family needs and the file does not hold: it comes from files of its own."""


class Shard(NamedTuple):
    """One of the files over which a model is spread."""

    number: int
    total: int
    missing: tuple[str, ...]
    """Names of the others that are not beside it."""


def contents(architecture: str, names: Iterable[str]) -> Contents:
    """The parts in a file of `architecture` that holds tensors of these `names`."""
    table = profile.load("models/contents")
    heads = {".".join(name.split(".", 3)[:3]) + "." for name in names}
    holds = tuple(
        row["name"]
        for row in table["part"]
        if any(head.startswith(prefix) for head in heads for prefix in row["prefixes"])
    )
    needs: list[str] = []
    for row in table["needs"]:
        if architecture in row["families"]:
            needs = row["parts"]
    return Contents(holds, tuple(part for part in needs if part not in holds))


def shard(path: str) -> Shard | None:
    """Which shard of a model `path` is by its name, and which others are not there."""
    file = Path(path)
    named = _SHARD.match(file.name)
    if named is None:
        return None
    count = int(named["count"])
    others = (
        f"{named['stem']}-{number:05}-of-{named['count']}{named['suffix']}"
        for number in range(1, count + 1)
    )
    missing = tuple(name for name in others if not file.with_name(name).exists())
    return Shard(int(named["number"]), count, missing)
