"""What `sdops verify` answers: each file, its hashes, and whether it is what it should be."""

from __future__ import annotations

from dataclasses import dataclass

from sdops.checkpoint.hash.answer import HashedFile


@dataclass(frozen=True, slots=True)
class VerifyAnswer:
    """The data of `sdops verify`."""

    files: tuple[HashedFile, ...]
