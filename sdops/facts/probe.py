"""What a look at the machine brings back: the value, and the gaps where nothing could be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from sdops.facts.types import Gap

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Probed(Generic[T_co]):
    """A value learnt from the machine, with what could not be learnt of it."""

    value: T_co
    gaps: tuple[Gap, ...] = ()
