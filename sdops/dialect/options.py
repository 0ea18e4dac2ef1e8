"""What a user can choose about sampling, prompts, noise and the hires pass."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sdops.dialect.samplers import Sampler, sampler

SIDE_UNIT = 8
"""Pixels of a picture to one of its latent."""
SEEDS = 1 << 64
"""How many there are: a sum beyond begins anew, as in 64-bit arithmetic."""
NOISE_SOURCES = ("CPU", "GPU", "NV")
"""Where noise is drawn, by the name that users and infotext give it."""
LATENT_UPSCALERS: dict[str, Any] = {
    "Latent": {"mode": "bilinear"},
    "Latent (antialiased)": {"mode": "bilinear", "antialias": True},
    "Latent (bicubic)": {"mode": "bicubic"},
    "Latent (bicubic antialiased)": {"mode": "bicubic", "antialias": True},
    "Latent (nearest)": {"mode": "nearest"},
    "Latent (nearest-exact)": {"mode": "nearest-exact"},
}
"""How hires fix may enlarge latents, in torch's words."""
PICTURE_UPSCALERS: dict[str, Any] = {"None": "NEAREST", "Nearest": "NEAREST", "Lanczos": "LANCZOS"}
"""How it may enlarge pictures, in Pillow's."""


class Prediction(Enum):
    """What the UNet's output means (Ho et al. 2020; Salimans & Ho 2022)."""

    EPSILON = "epsilon"
    V = "v"


@dataclass(frozen=True, slots=True)
class Churn:
    """Noise added before each step (Karras et al. 2022, algorithm 2)."""

    amount: float = 0.0
    """s_churn: over all steps."""
    lowest: float = 0.0
    """s_tmin: σ from which on noise is added."""
    highest: float = math.inf
    """s_tmax: σ up to which it is."""
    scale: float = 1.0
    """s_noise."""


NO_CHURN = Churn()


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a user can choose about sampling."""

    sampler: str = "Euler a"
    scheduler: str = "Automatic"
    steps: int = 20
    eta: float | None = None
    """How much noise is added anew; None for the sampler's own (1, and 0 for DDIM)."""
    churn: Churn = NO_CHURN
    sigma_min: float | None = None
    """None for the model's own lowest level; A1111's old Karras schedule goes from 10 to 0.1."""
    sigma_max: float | None = None
    rho: float | None = None
    always_discard: bool = False
    """Leave out the last level above 0 whatever the sampler."""
    quantized: bool = False
    """Tell the UNet only of times that it was trained at (A1111's "Enable quantization")."""
    sgm_noise_multiplier: bool = False
    """Start from √(1 + σ²) instead of σ times the noise, as in Stability's code."""
    prediction: Prediction | None = None
    """What the UNet predicts; None for what the file says, or else the UNet itself."""
    zero_terminal_snr: bool = False
    """Whether the noisiest level is pure noise, even if the file does not say so."""

    @property
    def chosen(self) -> Sampler:
        """The sampler's row in the catalog.

        Raises:
            UsageError: there is none of that name.
        """
        return sampler(self.sampler)

    @property
    def calls(self) -> int:
        """The steps that prompts are scheduled over."""
        return self.steps * (2 if self.chosen.second_order else 1)


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


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """How prompts are read."""

    clip_skip: int = 1
    """1: the text encoder's last layer; 2: the one before, and so on."""
    emphasis: str = "Original"
    """A name in `prompt.EMPHASES`."""
    sdxl_clip_l_skip: bool = False
    """Whether SDXL's first encoder obeys `clip_skip`."""
    old_timelines: bool = False
    same_length: bool = False
    """Pad prompt and negative prompt to the same length, so that one call of the UNet takes both
    (A1111's "Pad prompt/negative prompt to be same length")."""


READ_AS_USUAL = PromptOptions()


@dataclass(frozen=True, slots=True)
class Guidance:
    """How the prompt steers (Ho & Salimans 2022)."""

    scale: float = 7.0
    """How far to go from the negative prompt past the prompt."""
    image_scale: float | None = None
    """For pix2pix: the same for the picture to be edited (Brooks et al. 2023)."""
    apart: bool = False
    """One row a call, which needs less memory, instead of all of equal length in one."""


GUIDE_AS_USUAL = Guidance()


@dataclass(frozen=True, slots=True)
class Variation:
    """How each picture's first noise is bent towards another seed's."""

    seeds: tuple[int, ...] = ()
    """One for each picture."""
    strength: float = 0.0
    """0: the picture's own noise, 1: the other's."""
    resize_from: tuple[int, int] | None = None
    """Height and width, in pixels, of the picture whose composition to keep."""
