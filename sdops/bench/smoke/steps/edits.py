"""What people do next with a picture: change it, paint into it, make it larger, save memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torch import Tensor

from sdops.bench.difference import cosine, psnr
from sdops.bench.limits import limit
from sdops.bench.memory_limit import is_out_of_memory, measured, resting_bytes
from sdops.bench.smoke.look import look_at
from sdops.bench.smoke.step import Fault, Step, judged
from sdops.bench.smoke.steps.parts import ANOTHER_MODEL, gives_numbers, overflow
from sdops.bench.smoke.steps.pipeline import Trial, Whole, odd
from sdops.bench.smoke.wanted import usual
from sdops.bench.subject import usual_tile
from sdops.dialect.options import Hires
from sdops.dialect.request import Request
from sdops.finding import Severity
from sdops.sampler.configuration import INPAINTING_CHANNELS, PIX2PIX_CHANNELS, Family, ModelConfig
from sdops.sampler.pipeline import NotANumberError, Options, Pipeline
from sdops.sampler.precision import Precision
from sdops.sampler.upscale import resize_picture, to_tensor

if TYPE_CHECKING:
    from PIL import Image

STRENGTH, LARGER = 0.5, 2.0
MASK_BLUR = 4.0


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing to do with the picture of a trial."""

    name: str
    overflows: str
    """The id of the finding where it gives no numbers."""
    too_large: str
    """The id of the finding where there is too little memory for it."""
    run: Callable[[Pipeline, Trial], Step]
    unfit: Callable[[ModelConfig], str] = lambda _: ""
    """Why a model cannot do it; empty if it can."""
    room: str = ""
    """What to do where there is too little memory for it."""


def try_edits(work: Whole, trial: Trial) -> Iterator[Step]:
    """The steps "image to image", "inpainting", "hires pass" and "tiled VAE".

    A precision that fixes one of them is used for those after it.
    """
    options = trial.options
    for edit in EDITS:
        step, options = _try(edit, work, trial, options)
        yield step


def _try(edit: Edit, work: Whole, trial: Trial, options: Options) -> tuple[Step, Options]:
    pipeline = work.subject.pipeline(options)
    unfit = edit.unfit(pipeline.config)
    if unfit:
        return Step(edit.name, None, unfit), options
    try:
        return _run(edit, work, trial, pipeline), options
    except NotANumberError as error:
        return _mend(edit, work, trial, options, error)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    return judged(edit.name, "does not fit into memory", (_no_room(edit),)), options


def _run(edit: Edit, work: Whole, trial: Trial, pipeline: Pipeline) -> Step:
    """The step of an edit, within the limit of memory."""
    resting = resting_bytes(pipeline.parts, pipeline.options.memory)
    with measured(work.device, work.memory_limit, resting):
        return edit.run(pipeline, trial)


def _mend(
    edit: Edit, work: Whole, trial: Trial, options: Options, error: NotANumberError
) -> tuple[Step, Options]:
    """The step of an edit that overflowed, and the first options under which it does not."""

    def works(precision: Precision) -> bool:
        pipeline = work.subject.pipeline(replace(options, precision=precision))
        return gives_numbers(lambda: _run(edit, work, trial, pipeline))

    title = f"{edit.name[0].upper()}{edit.name[1:]} fails, although a plain picture works"
    fault, after = overflow(edit.overflows, title, error, options.precision, works)
    return judged(edit.name, error.message, (fault,)), replace(options, precision=after)


def _no_room(edit: Edit) -> Fault:
    return Fault(
        edit.too_large,
        f"There is too little memory for the {edit.name}, although a plain picture fits",
        "This device ran out of memory.",
        advice=edit.room,
        severity=Severity.WARNING,
    )


def _asked(pipeline: Pipeline, trial: Trial, **changes: object) -> Request:
    """The usual request with the trial's words and size; settings are for the trial alone."""
    made = trial.request
    request = replace(
        usual(pipeline.config),
        prompt=made.prompt,
        negative=made.negative,
        width=made.width,
        height=made.height,
        seed=made.seed,
        guidance=replace(usual(pipeline.config).guidance, apart=made.guidance.apart),
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def _start(trial: Trial) -> Image.Image:
    """The trial's picture, at the size it was asked for before any hires pass."""
    picture, request = trial.pictures[0].image, trial.request
    return resize_picture(picture, request.width, request.height, "Lanczos")


def _image_to_image(pipeline: Pipeline, trial: Trial) -> Step:
    """A changed picture is a picture, and one that is not to be changed stays what it was."""
    start = _start(trial)
    latents = pipeline.sample(_asked(pipeline, trial, image=start, strength=STRENGTH))
    complaints = _complaints(latents, pipeline.decode(latents), trial)
    faults = [_bad("smoke-image-to-image-bad", "A picture made from another", complaints)]
    detail, measured = "a changed picture is a picture", {}
    if pipeline.config.unet.in_channels != PIX2PIX_CHANNELS:  # that starts from noise alone
        kept = pipeline.sample(_asked(pipeline, trial, image=start, strength=0.0))
        encoded = pipeline.encode(to_tensor(start, *start.size))
        measured["kept"] = likeness = cosine(kept, encoded)
        detail += f"; unchanged it stays the same to {likeness:.1%}"
        if not limit("image-kept").holds(likeness):
            faults.append(_forgets(likeness))
    return judged("image to image", detail, tuple(filter(None, faults)), measured)


def _inpainting(pipeline: Pipeline, trial: Trial) -> Step:
    """The right half is painted anew; what the softened mask leaves out must not change at all."""
    from PIL import Image, ImageChops

    start = _start(trial)
    mask = Image.new("L", start.size)
    mask.paste(255, (start.width // 2, 0, *start.size))
    request = _asked(pipeline, trial, image=start, mask=mask, mask_blur=MASK_BLUR)
    softened = request.softened_mask
    assert softened is not None
    made = pipeline.generate(request)[0].image
    change = ImageChops.difference(made, start)
    outside = _count(change, softened.point(lambda gray: 255 * (gray == 0)))
    inside = _count(change, softened.point(lambda gray: 255 * (gray == 255)))
    native = pipeline.config.unet.in_channels == INPAINTING_CHANNELS
    detail = f"{outside or 'no'} pixel outside the mask changed, {inside} inside"
    if native:
        detail += "; with the model's own mask channels"
    faults = []
    if outside:
        faults.append(_spills(outside))
    if not inside:
        faults.append(_paints_nothing())
    measured = {"changed_outside": outside, "changed_inside": inside, "native": native}
    return judged("inpainting", detail, tuple(faults), measured)


def _count(change: Image.Image, where: Image.Image) -> int:
    """Pixels of `change` that are not black where `where` is white."""
    from PIL import ImageChops

    bands = change.split()
    any_band = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    inside = ImageChops.multiply(any_band.point(lambda gray: 255 * (gray > 0)), where)
    return inside.histogram()[255]


def _hires(pipeline: Pipeline, trial: Trial) -> Step:
    """A second pass at twice the size, where black and broken pictures show first."""
    latents = pipeline.sample(_asked(pipeline, trial, hires=Hires(LARGER)))
    pixels = pipeline.decode(latents)
    look = look_at(pixels[0])
    height, width = pixels.shape[2:]
    detail = f"{width} × {height}: mean {look.mean:.2f}, deviation {look.deviation:.2f}"
    fault = _bad(
        "smoke-hires-pass-bad", "A picture made larger", _complaints(latents, pixels, trial)
    )
    measured = {"mean": look.mean, "deviation": look.deviation}
    return judged("hires pass", detail, (fault,) if fault else (), measured)


def _tiled(pipeline: Pipeline, trial: Trial) -> Step:
    """The VAE in tiles against the whole."""
    name, tile = "tiled VAE", usual_tile(pipeline.config)
    if trial.options.vae_tile is not None:
        return Step(name, None, "the whole does not fit into memory, so tiles are used above")
    latent = trial.latents[:1]
    decibels = psnr(pipeline.decode(latent, tile), pipeline.decode(latent))
    exactness = f"{decibels:.1f} dB" if math.isfinite(decibels) else "the last bit"
    detail = f"agrees with the whole to {exactness}"
    fault = Fault(
        "smoke-tiled-vae-seams",
        "The VAE in tiles gives another picture than the whole: seams and stains show",
        f"They agree to {decibels:.1f} dB only (at least {limit('vae-tiles').at():.0f}).",
        advice="Leave VAE tiling off; where memory is short, choose larger tiles.",
        severity=Severity.WARNING,
    )
    faults = () if limit("vae-tiles").holds(decibels) else (fault,)
    return judged(name, detail, faults, {"psnr": decibels})


def _complaints(latents: Tensor, pixels: Tensor, trial: Trial) -> tuple[str, ...]:
    """What is wrong with a picture and was not with the trial's."""
    if trial.trained:
        return _new(look_at(pixels[0]).complaints(), look_at(trial.pixels[0]).complaints())
    deviation, before = (tensor.std().item() for tensor in (latents, trial.latents))
    known = odd(look_at(trial.pixels[0]), before)
    return _new(tuple(odd(look_at(pixels[0]), deviation)), tuple(known))


def _new(found: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(complaint for complaint in found if complaint not in known)


def _bad(rule: str, what: str, complaints: tuple[str, ...]) -> Fault | None:
    if not complaints:
        return None
    return Fault(
        rule,
        f"{what} comes out {' and '.join(complaints)}",
        "The plain picture before it did not.",
        advice="Try another attention back-end, and the VAE in full precision.",
    )


def _forgets(likeness: float) -> Fault:
    return Fault(
        "smoke-image-to-image-forgets",
        "Image to image does not keep the picture that it is given",
        f"With nothing to change, only {likeness:.0%} of it is left.",
        advice="The VAE and the UNet may not belong together: use the VAE made for this model.",
    )


def _spills(pixels: int) -> Fault:
    return Fault(
        "smoke-inpainting-spills",
        "Inpainting changes what was not to be painted",
        f"{pixels} pixels outside the mask are not what they were.",
        advice="This device computes wrongly: update its driver, and let `sdops doctor` look at"
        " it.",
    )


def _paints_nothing() -> Fault:
    return Fault(
        "smoke-inpainting-nothing",
        "Inpainting paints nothing",
        "Every pixel inside the mask is what it was.",
        advice=ANOTHER_MODEL,
    )


def _not_for_painting(config: ModelConfig) -> str:
    if config.family is Family.SDXL_REFINER:
        return "does not apply: a refiner only improves whole pictures"
    if config.unet.in_channels == PIX2PIX_CHANNELS:
        return "does not apply: an instruct-pix2pix model edits whole pictures"
    return ""


def _not_for_hires(config: ModelConfig) -> str:
    if config.family is Family.SDXL_REFINER:
        return "does not apply: a refiner only improves pictures of the size they have"
    return ""


SMALLER = "Work on smaller pictures."
EDITS = (
    Edit(
        "image to image",
        "smoke-image-to-image-none",
        "smoke-image-to-image-memory",
        _image_to_image,
        room=SMALLER,
    ),
    Edit(
        "inpainting",
        "smoke-inpainting-none",
        "smoke-inpainting-memory",
        _inpainting,
        _not_for_painting,
        SMALLER,
    ),
    Edit(
        "hires pass",
        "smoke-hires-pass-none",
        "smoke-hires-pass-memory",
        _hires,
        _not_for_hires,
        "Enlarge by less than two, or with an upscaler that works in tiles.",
    ),
    Edit(
        "tiled VAE",
        "smoke-tiled-vae-none",
        "smoke-tiled-vae-memory",
        _tiled,
        room="Leave VAE tiling off.",
    ),
)
