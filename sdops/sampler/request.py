"""What a user asks the sampler for, and the text that says so in the finished picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sdops.errors import UsageError
from sdops.sampler.catalog import schedule_for
from sdops.sampler.conditioning import EMPHASES, PromptOptions
from sdops.sampler.guidance import Guidance
from sdops.sampler.infotext import Infotext, Parameters
from sdops.sampler.names import look_up
from sdops.sampler.noise import STREAMS, Variation
from sdops.sampler.sampling import Sampling
from sdops.sampler.schedule import scheduler
from sdops.sampler.upscale import LATENT_UPSCALERS, PICTURE_UPSCALERS, soften
from sdops.version import __version__

if TYPE_CHECKING:
    from PIL import Image

SMALLEST_SIDE, LARGEST_SIDE, SIDE_UNIT = 64, 8192, 8
MOST_STEPS, MOST_PICTURES = 1000, 64
LARGEST_BLUR = 64


@dataclass(frozen=True, slots=True)
class Hires:
    """A second pass at a larger size (A1111's hires fix)."""

    scale: float = 2.0
    """How much larger; not used if a width or height is given."""
    width: int = 0
    """0 keeps the ratio."""
    height: int = 0
    sampler: str | None = None
    """None for that of the first pass; so the scheduler and the steps."""
    scheduler: str | None = None
    steps: int | None = None
    strength: float = 0.7
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


@dataclass(frozen=True, slots=True)
class Request:
    """Pictures to make."""

    prompt: str = ""
    negative: str = ""
    width: int = 512
    height: int = 512
    seed: int = 0
    pictures: int = 1
    """Made as one batch; each has the next seed, or the next variation seed."""
    sampling: Sampling = field(default_factory=Sampling)
    guidance: Guidance = field(default_factory=Guidance)
    prompt_options: PromptOptions = field(default_factory=PromptOptions)
    rng: str = "GPU"
    """A name in `noise.STREAMS`."""
    seed_delta: int = 0
    """ENSD."""
    variation_seed: int = 0
    variation_strength: float = 0.0
    resize_seed_from: tuple[int, int] | None = None
    """Height and width, in pixels."""
    image: Image.Image | None = None
    """To start from, or to edit."""
    mask: Image.Image | None = None
    """White where to paint."""
    mask_blur: float = 4.0
    """How far, in pixels, its edge is softened."""
    strength: float = 0.75
    """How much of `image` to forget."""
    hires: Hires | None = None

    def check(self) -> None:
        """Refuse what makes no sense, before any work is done.

        Raises:
            UsageError: says which value, and what it may be.
        """
        sizes = [("width", self.width), ("height", self.height)]
        if self.hires:
            names = ("hires width", "hires height")
            sizes += zip(names, self.hires.target(self.width, self.height), strict=True)
        for name, size in sizes:
            _within(name, size, SMALLEST_SIDE, LARGEST_SIDE)
            if size % SIDE_UNIT:
                raise UsageError(
                    f"The {name} {size} is not a multiple of {SIDE_UNIT}.",
                    f"Use {size // SIDE_UNIT * SIDE_UNIT}.",
                )
        _within("number of pictures", self.pictures, 1, MOST_PICTURES)
        _within("denoising strength", self.strength, 0, 1)
        _within("mask blur", self.mask_blur, 0, LARGEST_BLUR)
        _within("seed", self.seed, 0, 2**64 - MOST_PICTURES)
        if self.mask is not None and self.image is None:
            raise UsageError("There is a mask, but no image to inpaint.", "Give the image too.")
        passes = [self.sampling]
        if self.hires:
            look_up("upscaler", self.hires.upscaler, LATENT_UPSCALERS | PICTURE_UPSCALERS)
            passes.append(self.hires.sampling(self.sampling))
        for sampling in passes:
            _within("number of steps", sampling.steps, 1, MOST_STEPS)
            scheduler(schedule_for(sampling.chosen, sampling.scheduler))
        look_up("source of noise", self.rng, STREAMS)
        look_up("emphasis mode", self.prompt_options.emphasis, EMPHASES)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each picture."""
        step = 0 if self.variation_strength else 1
        return tuple(self.seed + step * number for number in range(self.pictures))

    @property
    def softened_mask(self) -> Image.Image | None:
        """The mask as it is used, gray between what is painted and what is kept."""
        return None if self.mask is None else soften(self.mask, self.mask_blur)

    def variation(self) -> Variation:
        """How the first noise is bent."""
        seeds = tuple(self.variation_seed + number for number in range(self.pictures))
        return Variation(seeds, self.variation_strength, self.resize_seed_from)

    def infotext(
        self,
        number: int,
        model: str | None,
        model_hash: str | None,
        peculiar: Parameters = MappingProxyType({}),
    ) -> Infotext:
        """How picture `number` of the batch was made, in A1111's words and order.

        Args:
            number: from 0.
            model: its name.
            model_hash: its hash.
            peculiar: what is not usual of how the model is sampled.
        """
        varied, resized = self.variation_strength > 0, self.resize_seed_from
        options, sampling, chosen = self.prompt_options, self.sampling, self.sampling.chosen
        strength = self.strength if self.image else None
        parameters: Parameters = {
            "Steps": sampling.steps,
            "Sampler": chosen.label,
            "Schedule type": _schedule_label(sampling),
            "CFG scale": self.guidance.scale,
            "Image CFG scale": self.guidance.image_scale,
            "Seed": self.seeds[number],
            "Size": f"{self.width}x{self.height}",
            "Model hash": model_hash,
            "Model": model,
            "Variation seed": self.variation_seed + number if varied else None,
            "Variation seed strength": self.variation_strength if varied else None,
            "Seed resize from": f"{resized[1]}x{resized[0]}" if resized else None,
            "Denoising strength": self.hires.strength if self.hires else strength,
            "Clip skip": options.clip_skip if options.clip_skip > 1 else None,
            "ENSD": self.seed_delta if self.seed_delta and chosen.heeds_seed_delta else None,
            "RNG": self.rng if self.rng != "GPU" else None,
            "Mask blur": self.mask_blur if self.mask else None,
            **self._of_hires(),
            **_of_sampling(sampling),
            "Emphasis": options.emphasis if options.emphasis != "Original" else None,
            "Old prompt editing timelines": options.old_timelines or None,
            "Pad conds": options.same_length or None,
            **peculiar,
            "Version": f"sdops {__version__}",
        }
        return Infotext(self.prompt, self.negative, parameters)

    def _of_hires(self) -> Parameters:
        hires, first = self.hires, self.sampling
        if hires is None:
            return {}
        second = hires.sampling(first)
        width, height = hires.target(self.width, self.height)
        is_scaled = not hires.width and not hires.height
        same_sampler = second.chosen is first.chosen
        same_schedule = _schedule_label(second) == _schedule_label(first)
        return {
            "Hires sampler": None if same_sampler else second.chosen.label,
            "Hires schedule type": None if same_schedule else _schedule_label(second),
            "Hires upscale": hires.scale if is_scaled else None,
            "Hires resize": None if is_scaled else f"{width}x{height}",
            "Hires steps": hires.steps,
            "Hires upscaler": hires.upscaler,
            "Hires prompt": hires.prompt,
            "Hires negative prompt": hires.negative,
        }


def _schedule_label(sampling: Sampling) -> str:
    return scheduler(schedule_for(sampling.chosen, sampling.scheduler)).label


def _of_sampling(sampling: Sampling) -> Parameters:
    """What was changed of how a sampler runs, under A1111's names."""
    churn = sampling.churn
    return {
        "Eta": sampling.eta if sampling.chosen.takes_eta else None,
        "Sigma churn": churn.amount or None,
        "Sigma tmin": churn.lowest or None,
        "Sigma tmax": churn.highest if churn.highest < math.inf else None,
        "Sigma noise": churn.scale if churn.scale != 1 else None,
        "Schedule max sigma": sampling.sigma_max,
        "Schedule min sigma": sampling.sigma_min,
        "Schedule rho": sampling.rho,
        "Discard penultimate sigma": sampling.always_discard or None,
        "SGM noise multiplier": sampling.sgm_noise_multiplier or None,
    }


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"The {name} {value} is out of range.", f"Use {low} to {high}.")
