"""The picture that the smoke test asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sdops.bench.subject import usual_side
from sdops.dialect.infotext import settings as read
from sdops.dialect.options import Sampling
from sdops.dialect.parameters import applied, parameter
from sdops.dialect.pictures import open_picture
from sdops.dialect.request import Request
from sdops.sampler.configuration import PIX2PIX_CHANNELS, Family, ModelConfig
from sdops.sampler.memory import Memory
from sdops.sampler.pipeline import Pipeline, refuse_unfit

if TYPE_CHECKING:
    from PIL import Image

PROMPT = "a photograph of an astronaut riding a horse"
NEGATIVE = "blurry"
FEW_STEPS, FULL_STEPS = 4, 20
GRAY = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user wants of the picture; the rest suits the model."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """Texts by the names in `parameters.PARAMETERS`."""
    given: Request | None = None
    """What the settings are put on; None for the usual picture."""
    image: Image.Image | None = None
    """To start from, or to paint into."""
    mask: Image.Image | None = None

    def request(self, config: ModelConfig, steps: int = FEW_STEPS) -> Request:
        """The request to a model.

        Args:
            config: the model.
            steps: how many to take if the user says nothing.

        Raises:
            UsageError: the options make no sense, or not for this model.
        """
        request = applied(self.given or usual(config, steps), self.settings)
        image = self.image or usual(config).image
        request = replace(request, image=image, mask=self.mask)
        request.check()
        refuse_unfit(config, request)
        return request


NO_OVERRIDES = Overrides()


def overrides(
    settings: Sequence[str] = (),
    prompt: str | None = None,
    image: Path | None = None,
    mask: Path | None = None,
) -> Overrides:
    """What the options of those names ask for.

    Raises:
        UsageError: settings are not written as settings are.
        UnreadableInputError: a picture cannot be read.
    """
    found = {parameter(name).name: value for text in settings for name, value in read(text).items()}
    if prompt is not None:
        found["Prompt"] = prompt
    pictures = [None if path is None else open_picture(path) for path in (image, mask)]
    return Overrides(found, None, *pictures)


def usual(config: ModelConfig, steps: int = FEW_STEPS) -> Request:
    """The request that suits a model."""
    side = usual_side(config)
    return Request(
        PROMPT,
        NEGATIVE,
        side,
        side,
        seed=1,
        sampling=Sampling("Euler a", steps=steps),
        rng="CPU",
        image=_gray(side) if _needs_image(config) else None,
    )


def asked(
    pipeline: Pipeline, steps: int = FEW_STEPS, overrides: Overrides = NO_OVERRIDES
) -> Request:
    """The request to a pipeline; where its parts take turns, rows of text do too."""
    request = overrides.request(pipeline.config, steps)
    apart = pipeline.options.memory is not Memory.ALL
    return replace(request, guidance=replace(request.guidance, apart=apart))


def _needs_image(config: ModelConfig) -> bool:
    return config.family is Family.SDXL_REFINER or config.unet.in_channels == PIX2PIX_CHANNELS


def _gray(side: int) -> Image.Image:
    from PIL import Image

    return Image.new("RGB", (side, side), GRAY)
