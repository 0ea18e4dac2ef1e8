"""What `sdops convert` and `sdops prune` answer: what was written, and what was left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DroppedTensor:
    """Something of the source that is not in the result."""

    name: str
    reason: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """One file that was written, or would be."""

    source: str
    destination: str
    written: bool
    tensors_in: int
    tensors_out: int
    dropped: tuple[DroppedTensor, ...]
    notes: tuple[str, ...]
    tied_bytes: int
    """The bytes of tensors that are written more than once."""
    overflowed: Mapping[str, int]
    """Numbers that became infinite, by tensor."""
    bytes_in: int
    bytes_out: int
    sha256: str | None
    """The result's digest, with --sha256."""
    verified: bool
    """Whether every byte was read back."""


@dataclass(frozen=True, slots=True)
class LeftOutFile:
    """One file that was not worked on."""

    source: str
    destination: str
    skipped: str
    """Why."""


@dataclass(frozen=True, slots=True)
class ConvertedFiles:
    """The files of a folder."""

    files: tuple[ConvertedFile | LeftOutFile, ...]


ConvertAnswer = ConvertedFile | ConvertedFiles
"""The data of both commands: of one file, or of the files of a folder."""
