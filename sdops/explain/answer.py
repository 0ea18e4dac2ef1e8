"""What `sdops explain` answers: what was recognized, what was not, and what each log says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["cause", "consequence", "harmless"]


@dataclass(frozen=True, slots=True)
class SeenSignature:
    """One known class, seen in one line."""

    signature: str
    """Its id."""
    log: str
    line: int
    """In the file, from 1."""
    excerpt: str
    role: Role
    title: str
    owner: str | None
    """The custom node, extension, program or package whose code failed."""
    stage: str | None
    """`install`, `launch`, `load`, `generate`, `save` or `train`."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A failure of no known class."""

    log: str
    line: int
    excerpt: str
    exception: str | None
    """The innermost exception's type."""
    owner: str | None
    owner_folder: str | None
    fingerprint: str
    """The same wherever the same failure happens."""
    stage: str | None
    times: int


@dataclass(frozen=True, slots=True)
class LogFacts:
    """One log: what it says of its machine, and what the reader should know of it."""

    log: str
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplainAnswer:
    """The data of `sdops explain`; the cause comes first."""

    matches: tuple[SeenSignature, ...]
    unmatched: tuple[Unmatched, ...]
    logs: tuple[LogFacts, ...]
