"""What a format's reader finds in one file or archive member."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sdops.checkpoint.files.source import Source
from sdops.checkpoint.trace.values import Trace
from sdops.checkpoint.types import Container, Problem, Storage, Tensor


class Nested(NamedTuple):
    """Bytes inside a file that are a file of their own."""

    name: str
    unpack: Callable[[], Source | None]
    """Gives them, one after another so that only one takes room; None, and a problem in the
    contents, where they are not available."""


class Contents:
    """The findings of a format's reader."""

    __slots__ = ("container", "main", "metadata", "nested", "objects", "problems", "storages",
                 "tensors", "traces")  # fmt: skip

    def __init__(self, container: Container) -> None:
        """Nothing yet, of a file of the kind `container`."""
        self.container = container
        self.traces: list[Trace] = []
        self.problems: list[Problem] = []
        self.nested: list[Nested] = []
        self.main: Trace | None = None
        """The pickle that holds the state dict, if there is one."""
        self.storages: dict[str, Storage] = {}
        """By torch's storage key: where the bytes are."""
        self.objects: dict[str, Tensor] = {}
        """By persistent id, for the tar format of torch before 0.2."""
        self.tensors: list[Tensor] = []
        """For formats whose index is not a pickle."""
        self.metadata: dict[str, str] = {}

    def problem(
        self,
        problem_id: str,
        text: str,
        *,
        member: str | None = None,
        offset: int | None = None,
        hostile: bool = False,
        blocking: bool = False,
        unjudged: bool = False,
    ) -> None:
        """Adds a Problem."""
        self.problems.append(
            Problem(problem_id, text, member, offset, hostile, blocking, unjudged=unjudged)
        )

    def cut(self, missing_bytes: int, member: str | None = None, offset: int | None = None) -> None:
        """Adds the Problem of a file whose end, at least `missing_bytes` of it, is missing."""
        text = f"The file is cut off: at least {missing_bytes} bytes are missing."
        self.problems.append(Problem("truncated", text, member, offset, False, True, missing_bytes))
