"""What a picture's file says of how it was made, in one form for all programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdops.dialect.infotext import Infotext


@dataclass(frozen=True, slots=True)
class UsedNetwork:
    """A LoRA, an embedding or another small model that was used beside the checkpoint."""

    kind: str
    """`lora`, `lyco`, `hypernet`, `embedding`, or what the prompt's tag calls it."""
    name: str
    weight: str | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class UsedModel:
    """A model that was used."""

    kind: str
    """`checkpoint`, `vae`, `text encoder`, `refiner`, `upscaler`, `controlnet`."""
    name: str | None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """How a picture was made."""

    program: str
    """The program that wrote it, in words."""
    prompt: str = ""
    negative: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    """By A1111's names, values as texts."""
    networks: tuple[UsedNetwork, ...] = ()
    models: tuple[UsedModel, ...] = ()
    family: str | None = None
    """The only architecture that the settings can belong to, such as Flux; None if unsaid."""
    not_understood: tuple[str, ...] = ()
    """What was there and could not be followed or read, in words."""

    def infotext(self) -> Infotext:
        """The same as A1111 would write it."""
        return Infotext(self.prompt, self.negative, dict(self.settings))
