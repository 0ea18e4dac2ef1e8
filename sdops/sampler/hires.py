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

    def cover(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels that the first picture is enlarged to, before it is cut.

        Source: AUTOMATIC1111/stable-diffusion-webui@82a973c, modules/processing.py,
        `calculate_target_resolution`.
        """
        if not self.width and not self.height:
            return int(width * self.scale), int(height * self.scale)
        is_wider = width * self.height >= self.width * height  # than what is wanted
        if not self.width or (self.height and is_wider):
            return self.height * width // height, self.height
        return self.width, self.width * height // width

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the finished picture, in whole pixels of the latent (A1111)."""
        covered = self.cover(width, height)
        wanted = self.width or covered[0], self.height or covered[1]
        across, down = (
            (large // SIDE_UNIT - (large - small) // SIDE_UNIT) * SIDE_UNIT
            for large, small in zip(covered, wanted, strict=True)
        )
        return across, down
