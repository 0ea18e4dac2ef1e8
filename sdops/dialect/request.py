"""What a user asks the sampler for, and the text that says so in the finished picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sdops.dialect.infotext import Infotext
from sdops.dialect.names import look_up
from sdops.dialect.options import Guidance, Hires, PromptOptions, Sampling, Variation
from sdops.dialect.parameters import BASICS, DETAILS, PARAMETERS, SIDES
from sdops.dialect.pictures import soften
from sdops.dialect.prompt import EMPHASES, Steps, schedule, split_and
from sdops.errors import UsageError
from sdops.version import __version__

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Files:
    """What infotext says of the files that a picture was made with; None is left out."""

    model: str | None = None
    model_hash: str | None = None
    vae: str | None = None
    """Only of a VAE in place of the model's own."""
    vae_hash: str | None = None


NO_FILES = Files()


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
    """One of `options.NOISE_SOURCES`."""
    seed_delta: int = 0
    """ENSD."""
    variation_seed: int = 0
    variation_strength: float = 0.0
    resize_seed_from: tuple[int, int] | None = None
    """Width and height, in pixels."""
    image: Image.Image | None = None
    """To start from, or to edit."""
    mask: Image.Image | None = None
    """White where to paint."""
    mask_blur: float = 4.0
    """How far, in pixels, its edge is softened."""
    strength: float = 0.75
    """How much of `image`, or of the picture made larger by `hires`, to forget."""
    hires: Hires | None = None

    def check(self) -> None:
        """Refuse what makes no sense, before any work is done.

        Raises:
            UsageError: says which value, and what it may be.
        """
        for parameter in PARAMETERS:
            parameter.check(self)
        if self.hires:
            target = SIDES.write(self.hires.target(self.width, self.height))
            try:
                SIDES.read(target)
            except ValueError:
                raise UsageError(
                    f"The hires pass cannot make a picture of {target}.",
                    f"Give it {SIDES.meaning}.",
                ) from None
        if self.mask is not None and self.image is None:
            raise UsageError("There is a mask, but no image to inpaint.", "Give the image too.")
        _check_prompts(self)
        if self.hires:
            _check_prompts(self.second_pass(self.hires), self.sampling.calls)

    def second_pass(self, hires: Hires) -> Request:
        """The request for what `hires` makes of this one's picture."""
        width, height = hires.target(self.width, self.height)
        return replace(
            self,
            width=width,
            height=height,
            prompt=self.prompt if hires.prompt is None else hires.prompt,
            negative=self.negative if hires.negative is None else hires.negative,
            sampling=hires.sampling(self.sampling),
            hires=None,
        )

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
        source = self.resize_seed_from and self.resize_seed_from[::-1]
        return Variation(seeds, self.variation_strength, source)

    def alone(self, number: int) -> Request:
        """The request for picture `number` of the batch alone, from 0."""
        varied = self.variation_strength > 0
        return replace(
            self,
            pictures=1,
            seed=self.seeds[number],
            variation_seed=self.variation_seed + (number if varied else 0),
        )

    def infotext(self, files: Files = NO_FILES) -> Infotext:
        """How the first picture was made, in A1111's words and order."""
        usual = Request()
        parameters = {
            **{parameter.name: parameter.text(self, usual) for parameter in BASICS},
            "Model hash": files.model_hash,
            "Model": files.model,
            "VAE hash": files.vae_hash,
            "VAE": files.vae,
            **{parameter.name: parameter.text(self, usual) for parameter in DETAILS},
            "Version": f"sdops {__version__}",
        }
        return Infotext(self.prompt, self.negative, parameters)


def _check_prompts(request: Request, first_pass: int | None = None) -> None:
    """Read all that the prompts come to over the steps; errors as in `parse_attention`."""
    options = request.prompt_options
    parse = look_up("emphasis mode", options.emphasis, EMPHASES)
    steps = Steps(request.sampling.calls, first_pass, options.old_timelines)
    for prompt in (request.prompt, request.negative):
        for part, _ in split_and(prompt):
            for _, text in schedule(part, steps):
                parse(text)
