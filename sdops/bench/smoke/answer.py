"""What the smoke test answers: each step, the flags that follow, the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from sdops.launch import LaunchPlan
from sdops.tried import TriedDevice, TriedStep


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like the given picture the one made here is."""

    path: str
    verdict: str | None
    """Null where they could not be compared."""
    psnr: float | None
    """In dB; null where they are equal or were not compared."""
    reasons: tuple[str, ...]
    """Ids of the rules that say why they differ."""


@dataclass(frozen=True, slots=True)
class SmokeAnswer:
    """The data of `sdops smoke`."""

    device: TriedDevice
    steps: tuple[TriedStep, ...]
    launch: LaunchPlan
    infotext: str | None = None
    """The infotext of the picture that was made, in A1111's words."""
    like: Likeness | None = None
    """With --like."""
    images: tuple[str, ...] = ()
    """Paths of the pictures that were saved."""
