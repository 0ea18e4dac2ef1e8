"""What `sdops info` answers: what each file is, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DescribedPart:
    """One part of a model: the UNet, the VAE, a text encoder."""

    id: str
    title: str
    present: int
    """Tensors that are there."""
    expected: int
    complete: bool
    missing: tuple[str, ...]
    """Names without which the part does not work."""
    sentence: str


@dataclass(frozen=True, slots=True)
class DescribedMetadata:
    """One value that a training tool wrote."""

    label: str
    text: str
    private: bool
    """It tells about the machine that made the file."""


@dataclass(frozen=True, slots=True)
class DescribedFile:
    """What one file is."""

    path: str
    size_bytes: int
    container: str
    architecture: str
    title: str
    kind: str
    """checkpoint, lora, vae, embedding, …"""
    evidence: tuple[str, ...]
    """Why it is taken for that."""
    prediction: str | None
    components: tuple[DescribedPart, ...]
    holds: tuple[str, ...]
    """The parts beside the diffusion model: `VAE`, `CLIP-L`, …"""
    lacks: tuple[str, ...]
    """The parts that its family needs and that are not in the file."""
    shard: str | None
    """Which part of a model spread over several files it is: `1 of 3`."""
    dtypes: Mapping[str, int]
    """Tensors of each type."""
    tensors: int
    parameters: int
    ema: str
    """none, full, partial or only."""
    savings: Mapping[str, int]
    """Bytes that pruning saves, by what it leaves out."""
    opaque: tuple[str, ...]
    """What it holds that is not a tensor."""
    metadata: Mapping[str, str]
    readable_metadata: tuple[DescribedMetadata, ...]


@dataclass(frozen=True, slots=True)
class InfoAnswer:
    """The data of `sdops info`."""

    files: tuple[DescribedFile, ...]
    details: bool = False
    """Whether people are shown everything about each file, however many there are."""
