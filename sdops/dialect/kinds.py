"""What the values of settings may be: numbers in a range, names, sizes, words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sdops.dialect.names import look_up

Written = str | int | float
LARGEST_SIDE = 8192
MOST_DIGITS = 40


class Kind(Protocol):
    """What the value of a setting may be."""

    @property
    def meaning(self) -> str:
        """It in words, after "Give it"."""

    def read(self, text: str) -> Any:
        """The value written as `text`; raises ValueError, or UsageError with more to say."""

    def write(self, value: Any) -> Written:
        """`value` as infotext has it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a range; whole if `type` is int."""

    low: float
    high: float
    type: type[int] | type[float] = float

    @property
    def meaning(self) -> str:
        """The range."""
        noun = "a whole number" if self.type is int else "a number"
        most = "" if self.high == math.inf else f" to {write(self.high)}"
        return f"{noun} from {write(self.low)}{most}"

    def read(self, text: str) -> float:
        """The number."""
        value = self.type(text)
        if not self.low <= value <= self.high:
            raise ValueError(text)
        return value

    def write(self, value: float) -> float:
        """The number itself."""
        return value


@dataclass(frozen=True, slots=True)
class Seed:
    """A whole number of any size; generators take 64 bits of it, negative ones from above."""

    count: int
    """How many there are."""
    meaning: str = "a whole number other than -1, which stands for any"

    def read(self, text: str) -> int:
        """The seed, in 0…count - 1."""
        value = int(text)
        if value == -1 or len(text) > MOST_DIGITS:
            raise ValueError(text)
        return value % self.count

    def write(self, value: int) -> int:
        """The seed itself."""
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the things that have names."""

    noun: str
    things: Mapping[str, Any]
    """By each of their names; the first is the one that is written."""

    @property
    def meaning(self) -> str:
        """All names."""
        return f"one of: {', '.join(self.things)}"

    def read(self, text: str) -> Any:
        """The thing of that name, whatever its case."""
        return look_up(self.noun, text, self.things)

    def write(self, value: Any) -> str:
        """Its name."""
        return next((name for name, thing in self.things.items() if thing == value), str(value))


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a sampler or scheduler, which have more than one."""

    find: Callable[[str], Any]
    meaning: str

    def read(self, text: str) -> str:
        """The name that users know."""
        return str(self.find(text).label)

    write = read


@dataclass(frozen=True, slots=True)
class Size:
    """A width and a height."""

    low: int
    unit: int = 1

    @property
    def meaning(self) -> str:
        """The range."""
        unit = f" and a multiple of {self.unit}" if self.unit > 1 else ""
        return f"a width and height as in 512x768, each {self.low} to {LARGEST_SIDE}{unit}"

    def read(self, text: str) -> tuple[int, int]:
        """Width and height."""
        width, height = (int(side) for side in text.split("x"))
        for side in (width, height):
            if not self.low <= side <= LARGEST_SIDE or side % self.unit:
                raise ValueError(text)
        return width, height

    def write(self, value: tuple[int, int]) -> str:
        """As `512x768`."""
        return f"{value[0]}x{value[1]}"


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    meaning: str = "words"

    def read(self, text: str) -> str:
        """The text itself."""
        return text

    write = read


def names(noun: str, things: Iterable[str]) -> Choice:
    """A choice among the names of `things`."""
    return Choice(noun, {name: name for name in things})


def write(value: Written) -> str:
    """`value` as text: a number without needless digits, and with all that are needed."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else str(value)
