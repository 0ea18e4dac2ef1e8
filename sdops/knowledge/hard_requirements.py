"""Which requirements of installed packages are not met, and which of those break them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sdops.facts.types import Distribution, Host, PythonEnv, Requirement
from sdops.knowledge.bad_packages import contains
from sdops.knowledge.requirements import Unmet, unmet
from sdops.profile import load

JUDGED_ELSEWHERE = ("numpy", "torch", "torchaudio", "torchvision", "triton", "xformers")
"""By `numpy-two`, `torch-family-mismatch`, `xformers-mismatch`, `companion-mismatch`."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One requirement of an installed package that is not met."""

    dist: Distribution
    item: Unmet
    why: str | None
    """What it does to the package, where it breaks it."""


def breaches(python: PythonEnv, host: Host) -> Iterator[Breach]:
    """The requirements that are not met, of every distribution that Python would import."""
    seen: set[str] = set()
    rows = _rows()
    for dist in python.distributions:
        if dist.name in seen:
            continue
        seen.add(dist.name)
        row = rows.get(dist.name)
        for item in unmet(_lines(dist, row), python, host):
            if item.name not in JUDGED_ELSEWHERE and item.name != dist.name:
                hard = row is not None and item.name in row["requires"]
                yield Breach(dist, item, row["why"] if row and hard else None)


def _lines(dist: Distribution, row: Mapping[str, Any] | None) -> tuple[Requirement, ...]:
    texts = dist.requires
    if not texts and row is not None:
        known = (each for each in row.get("known", ()) if contains(each["versions"], dist.version))
        found: Mapping[str, str] = next(known, {"requires": {}})["requires"]
        # Of what metadata does not say, only versions are known, not what must be there.
        lines = (Requirement(f"{name}{wanted}", "", 0) for name, wanted in found.items())
        return tuple(
            Requirement(line.text, line.file, line.line, constraint=True) for line in lines
        )
    return tuple(Requirement(text, "", 0) for text in texts)


@cache
def _rows() -> Mapping[str, Mapping[str, Any]]:
    return {row["name"]: row for row in load("hard_requirements")["package"]}
