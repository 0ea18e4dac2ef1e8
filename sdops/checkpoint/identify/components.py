"""Counts the tensors of each part of a checkpoint against what the part consists of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sdops import profile
from sdops.checkpoint.identify.braces import expand
from sdops.checkpoint.identify.ema import DIFFUSION_PREFIX, ema_name
from sdops.checkpoint.identify.rules import Shapes, strip

_MISSING_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a checkpoint: the UNet, the VAE, a text encoder."""

    id: str
    title: str
    prefix: str
    present: int
    expected: int
    missing: tuple[str, ...] = ()
    """Names without which the part does not work."""
    absent: tuple[str, ...] = ()
    """Names that some tools leave out and nothing needs."""

    @property
    def complete(self) -> bool:
        """Whether everything that is needed is there."""
        return not self.missing

    @property
    def sentence(self) -> str:
        """As people read it: `UNet 686 of 686`, or what is missing."""
        text = f"{self.title} {self.present} of {self.expected}"
        lacking = self.missing or self.absent
        if not lacking:
            return text
        shown = ", ".join(lacking[:_MISSING_SHOWN])
        more = f" and {len(lacking) - _MISSING_SHOWN} more" if len(lacking) > _MISSING_SHOWN else ""
        verb = "missing" if self.missing else "left out, which is fine"
        return f"{text}: {shown}{more} {verb}"


def components(architecture: str, shapes: Shapes) -> tuple[Component, ...]:
    """The parts of an `architecture` checkpoint that `shapes` holds at least one tensor of."""
    rows = [row for row in profile.load("components")["component"] if architecture in row["models"]]
    found = (_component(row, shapes) for row in rows)
    return tuple(component for component in found if component is not None)


def live_names(averaged: Collection[str]) -> Mapping[str, str] | None:
    """Live name to EMA name, where the averages are exactly those of one known diffusion model.

    An average's name has lost its dots and cannot be restored on its own; the whole set can.
    """
    for row in profile.load("components")["component"]:
        if DIFFUSION_PREFIX in row["prefixes"]:
            names = [DIFFUSION_PREFIX + name for name in _expanded(tuple(row["tensors"]))]
            live = {name: ema_name(name) for name in names}
            if sorted(live.values()) == sorted(averaged):
                return live
    return None


def _component(row: Mapping[str, Any], shapes: Shapes) -> Component | None:
    names = _expanded(tuple(row["tensors"]))
    for prefix in row["prefixes"]:
        inside = strip(shapes, prefix)
        present = [name for name in names if name in inside]
        # Without a prefix, a single common name (`out.0.weight`) says nothing.
        if len(present) > len(names) // 10:
            return _judged(row, prefix, names, set(present))
    return None


def _judged(
    row: Mapping[str, Any], prefix: str, names: Iterable[str], present: set[str]
) -> Component:
    optional = frozenset(_expanded(tuple(row.get("optional", ()))))
    lacking = [name for name in names if name not in present]
    return Component(
        id=row["id"],
        title=row["title"],
        prefix=prefix,
        present=len(present),
        expected=row["count"],
        missing=tuple(name for name in lacking if name not in optional),
        absent=tuple(name for name in lacking if name in optional),
    )


@cache
def _expanded(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for pattern in patterns for name in expand(pattern))
