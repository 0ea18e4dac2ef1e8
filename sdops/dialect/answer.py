"""What `sdops pnginfo` answers: how each picture was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdops.dialect.metadata.made import UsedModel, UsedNetwork


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """One picture."""

    path: str
    program: str | None
    """Who wrote it, in words; null where the file says nothing that is understood."""
    prompt: str
    negative: str
    settings: Mapping[str, str]
    """By A1111's names, values as texts."""
    networks: tuple[UsedNetwork, ...]
    models: tuple[UsedModel, ...]
    family: str | None = None
    """The only architecture that the settings can belong to; null if they do not say."""
    missing: tuple[str, ...] = ()
    """Usual settings that the file does not name."""
    not_understood: tuple[str, ...] = ()
    """What could not be followed or read."""
    stripped: str | None = None
    """With --strip: the copy without all that."""


@dataclass(frozen=True, slots=True)
class PnginfoAnswer:
    """The data of `sdops pnginfo`."""

    files: tuple[PictureAnswer, ...]
