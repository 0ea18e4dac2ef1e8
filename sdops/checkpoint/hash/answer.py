"""What `sdops hash` answers, and `sdops verify` of each file: every hash it is known by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HashedFile:
    """One file; hashes are null where it was not hashed, or on request only."""

    path: str
    size_bytes: int | None
    """Null where the file is missing."""
    sha256: str | None = None
    autov2: str | None = None
    """Civitai's AutoV2: the first 10 digits of the sha256."""
    a1111_short: str | None = None
    a1111_legacy: str | None = None
    """A1111's old hash, Civitai's AutoV1: 8 digits of a piece of the file."""
    autov3: str | None = None
    """Civitai's AutoV3: 12 digits that metadata edits do not change."""
    kohya: str | None = None
    """The sha256 of what follows a safetensors header."""
    blake3: str | None = None
    crc32: str | None = None
    expected: str | None = None
    """What its hash should be."""
    match: bool | None = None
    """Null where nothing says what it should be."""


@dataclass(frozen=True, slots=True)
class HashAnswer:
    """The data of `sdops hash`."""

    files: tuple[HashedFile, ...]
