"""What a format's reader finds in one file or archive member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sdops.checkpoint.source import Source
from sdops.checkpoint.trace.values import Trace
from sdops.checkpoint.types import Container, Problem, Storage, Tensor


@dataclass(frozen=True, slots=True)
class Nested:
    """Bytes inside a file that are a file of their own."""

    name: str
    unpack: Callable[[], Source | None]
    """Gives them, one after another so that only one takes room; None, and a problem in the
    contents, where they cannot be had."""


@dataclass(slots=True)
class Contents:
    """The findings of a format's reader; `main` holds the state dict, if there is one."""

    container: Container
    traces: list[Trace] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    nested: list[Nested] = field(default_factory=list)
    main: Trace | None = None
    storages: dict[str, Storage] = field(default_factory=dict)
    """By torch's storage key: where the bytes are."""
    objects: dict[str, Tensor] = field(default_factory=dict)
    """By persistent id, for the tar format of torch before 0.2."""
    tensors: list[Tensor] = field(default_factory=list)
    """For formats whose index is not a pickle."""
    metadata: dict[str, str] = field(default_factory=dict)

    def problem(
        self,
        problem_id: str,
        text: str,
        *,
        member: str | None = None,
        offset: int | None = None,
        hostile: bool = False,
        blocking: bool = False,
    ) -> None:
        """Adds a Problem."""
        self.problems.append(Problem(problem_id, text, member, offset, hostile, blocking))
