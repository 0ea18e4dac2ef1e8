"""The format-neutral pieces that a command's view is made of; every human format renders them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column titles; an empty title row makes a plain two-column list."""

    rows: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """Text to copy: never wrapped, never changed."""

    text: str


@dataclass(frozen=True, slots=True)
class Details:
    """A section that is folded away where the format can fold, and left out on a terminal."""

    summary: str
    blocks: tuple[Block, ...]


Block: TypeAlias = Heading | Paragraph | Table | Code | Details
