"""The picture that the smoke test asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdops.bench.subject import usual_side
from sdops.sampler.configuration import Family
from sdops.sampler.guidance import Guidance
from sdops.sampler.memory import Memory
from sdops.sampler.pipeline import PIX2PIX_CHANNELS, Pipeline
from sdops.sampler.request import Request
from sdops.sampler.sampling import Sampling

if TYPE_CHECKING:
    from PIL import Image

PROMPT = "a photograph of an astronaut riding a horse"
NEGATIVE = "blurry"
FEW_STEPS, FULL_STEPS = 4, 20
GRAY = (128, 128, 128)


def asked(pipeline: Pipeline, steps: int = FEW_STEPS) -> Request:
    """A request that suits the model; where its parts take turns, rows of text do too."""
    side = usual_side(pipeline.config)
    return Request(
        PROMPT,
        NEGATIVE,
        side,
        side,
        seed=1,
        sampling=Sampling("Euler a", steps=steps),
        guidance=Guidance(apart=pipeline.options.memory is not Memory.ALL),
        rng="CPU",
        image=_gray(side) if _needs_image(pipeline) else None,
    )


def _needs_image(pipeline: Pipeline) -> bool:
    config = pipeline.config
    return config.family is Family.SDXL_REFINER or config.unet.in_channels == PIX2PIX_CHANNELS


def _gray(side: int) -> Image.Image:
    from PIL import Image

    return Image.new("RGB", (side, side), GRAY)
