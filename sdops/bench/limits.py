"""How far results may be from what they are compared with; rows of `profiles/bench/limits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sdops.profile import load

Bound = float | Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound."""

    id: str
    meaning: str
    source: str
    most: Bound | None = None
    """By precision, or one for all."""
    least: Bound | None = None

    def at(self, precision: str = "") -> float:
        """The bound for a precision, such as `fp16`."""
        bound = self.most if self.most is not None else self.least
        assert bound is not None
        return bound[precision] if isinstance(bound, Mapping) else bound

    def holds(self, value: float, precision: str = "") -> bool:
        """Whether `value` keeps within the bound; what is not a number does not."""
        bound = self.at(precision)
        return value <= bound if self.most is not None else value >= bound


@cache
def limit(name: str) -> Limit:
    """The bound called `name`."""
    return next(Limit(**row) for row in load("bench/limits")["limit"] if row["id"] == name)
