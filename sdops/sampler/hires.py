"""A second pass at a larger size (A1111's hires fix)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sdops.sampler.sampling import Sampling

SIDE_UNIT = 8
"""Pixels of a picture to one of its latent."""


@dataclass(frozen=True, slots=True)
class Hires:
    """What differs from the first pass."""

    scale: float = 2.0
    """How much larger; not used if a width or height is given."""
    width: int = 0
    """0 keeps the ratio."""
    height: int = 0
    sampler: str | None = None
    """None for that of the first pass; so the scheduler and the steps."""
    scheduler: str | None = None
    steps: int | None = None
    upscaler: str = "Latent"
    """A name in `upscale.LATENT_UPSCALERS` or `upscale.PICTURE_UPSCALERS`."""
    prompt: str | None = None
    """None for that of the first pass."""
    negative: str | None = None

    def sampling(self, first: Sampling) -> Sampling:
        """How the second pass samples, after the `first`."""
        return replace(
            first,
            sampler=self.sampler or first.sampler,
            scheduler=self.scheduler or first.scheduler,
            steps=self.steps or first.steps,
        )

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the finished picture, rounded down to the latent's pixels."""
        if not self.width and not self.height:
            target = int(width * self.scale), int(height * self.scale)
        else:
            target = (
                self.width or self.height * width // height,
                self.height or self.width * height // width,
            )
        return target[0] // SIDE_UNIT * SIDE_UNIT, target[1] // SIDE_UNIT * SIDE_UNIT
