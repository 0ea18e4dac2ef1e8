"""Is it the machine, the model or the settings? Someone's picture, made here again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sdops.bench.device import Device
from sdops.bench.difference import psnr
from sdops.bench.limits import limit
from sdops.bench.smoke.look import Look, look_at
from sdops.bench.smoke.step import Fault, Step
from sdops.bench.smoke.steps import like_reasons as reasons
from sdops.bench.smoke.steps.pipeline import Trial
from sdops.bench.smoke.wanted import Overrides
from sdops.bench.subject import Subject
from sdops.dialect.metadata.made import Made
from sdops.dialect.metadata.programs.values import NETWORK
from sdops.dialect.metadata.read import read_picture
from sdops.dialect.parameters import IN_INFOTEXT, UPSCALER, applied
from sdops.dialect.pictures import open_picture
from sdops.dialect.request import Request
from sdops.errors import UnreadableInputError, UsageError
from sdops.finding import Severity
from sdops.sampler.upscale import to_tensor

if TYPE_CHECKING:
    from PIL import Image

NAME = "like the picture"
SAME, NEAR, OTHER = "same", "near", "other"
VERDICTS = {
    SAME: "the same",
    NEAR: "nearly the same, as on another GPU, in another precision or compressed",
    OTHER: "another picture",
}
WORDS = (".txt", ".json")
"""Endings of files that only say how a picture was made."""
OTHERWISE = "Lanczos"
"""The upscaler in place of one that is a model of its own."""
NEW_TIMELINES = (1, 6)
"""A1111's version from which schedules in prompts are read in the new way (its
modules/infotext_versions.py, backcompat)."""


@dataclass(frozen=True, slots=True)
class Like:
    """A picture to make again."""

    path: Path
    picture: Image.Image | None
    """None where only its infotext is there."""
    request: Request
    """As its infotext asks for it, as far as that can be repeated."""
    reasons: tuple[Fault, ...]
    """Why it may come out different."""

    @classmethod
    def of(cls, path: Path, overrides: Overrides, subject: Subject, device: Device) -> Like:
        """What is to be made again.

        Args:
            path: a picture with infotext inside, or a text file that holds it.
            overrides: what the user wants otherwise than it says.
            subject: the model it is made with.
            device: where.

        Raises:
            UnreadableInputError: there is no such file, or no infotext in it.
            UsageError: the infotext asks for what does not exist.
        """
        made, picture = _read(path)
        text = made.infotext()
        if "Seed" not in text.parameters:
            raise UnreadableInputError(
                f"The text in {path} does not say how a picture was made: it names no seed.",
                "Give infotext as A1111, Forge or sdops write it.",
            )
        parameters = {name: str(value) for name, value in text.parameters.items()}
        said = {name: value for name, value in parameters.items() if name in IN_INFOTEXT}
        swaps = tuple(_swaps(made, said | dict(overrides.settings), device))
        said |= {swap.name: swap.value for swap in swaps}
        blank = Request(NETWORK.sub("", text.prompt), text.negative)
        kept = {name: value for name, value in said.items() if name not in overrides.settings}
        request = _applied(blank, kept, path)
        found = (
            *_of_overrides(overrides),
            *reasons.of_files(parameters, subject),
            *reasons.of_prompts((text.prompt, parameters.get("Hires prompt", ""))),
            *_of_start(request, parameters, overrides),
            *reasons.of_parameters(parameters),
            *reasons.of_program(made.program),
            *(swap.reason for swap in swaps if swap.reason),
        )
        by_rule = {fault.rule: fault for fault in reversed(found)}
        return cls(path, picture, request, tuple(reversed(by_rule.values())))


def _read(path: Path) -> tuple[Made, Image.Image | None]:
    picture = None if path.suffix.lower() in WORDS else open_picture(path)
    made = read_picture(path).made
    if made is None:
        raise UnreadableInputError(
            f"{path} does not say how it was made: there is no infotext in it, nor another"
            " program's record.",
            "Give the file as the UI saved it; websites and image editors take the text out.",
        )
    if made.family is not None:
        raise UnreadableInputError(
            f"{path} was made with {made.family}, which the sampler here does not run.",
            "Pictures of SD 1, SD 2 and SDXL can be made again.",
        )
    return made, picture


def _applied(blank: Request, said: Mapping[str, str], path: Path) -> Request:
    for name, value in said.items():
        try:
            blank = applied(blank, {name: value})
        except UsageError as error:
            hint = f"{error.hint} Or give another: --set '{name}: …'."
            raise UsageError(f"The infotext in {path}: {error.message}", hint) from None
    return blank


@dataclass(frozen=True, slots=True)
class Swap:
    """A value in place of what an infotext says, and perhaps why that may matter."""

    name: str
    value: str
    reason: Fault | None = None


def _swaps(made: Made, said: Mapping[str, str], device: Device) -> Iterator[Swap]:
    prompt = said.get("Hires prompt", "")
    if NETWORK.search(prompt):
        yield Swap("Hires prompt", NETWORK.sub("", prompt))
    version = re.match(r"v(\d{1,4})\.(\d{1,4})", made.settings.get("Version", ""))
    if version and tuple(map(int, version.groups())) < NEW_TIMELINES and "[" in made.prompt:
        yield Swap("Old prompt editing timelines", "True")
    upscaler = said.get("Hires upscaler")
    if upscaler is not None and upscaler.casefold() not in map(str.casefold, UPSCALER.things):
        title = "The given picture's hires pass took an upscaler that is a model of its own"
        why = f"That was {upscaler}; here it is {OTHERWISE}."
        yield Swap("Hires upscaler", OTHERWISE, reasons.reason("smoke-like-upscaler", title, why))
    if made.program in reasons.cpu_noise() and "RNG" not in said:
        yield Swap("RNG", "CPU")
    elif said.get("RNG", "GPU") == "GPU" and device.compute_capability is None:
        fault = reasons.reason(
            "smoke-like-noise",
            "The given picture's noise is a graphics card's, and here is no NVIDIA card to draw it",
            "It is computed as most NVIDIA cards draw it (RNG: NV); others draw another.",
            "If it was made without an NVIDIA card, try --set 'RNG: CPU'.",
        )
        yield Swap("RNG", "NV", fault)


def _of_overrides(overrides: Overrides) -> Iterator[Fault]:
    if overrides.settings:
        title = "You asked for other settings than the given picture's"
        yield reasons.reason(
            "smoke-like-settings", title, f"They are: {', '.join(overrides.settings)}."
        )


def _of_start(
    request: Request, parameters: Mapping[str, str], overrides: Overrides
) -> Iterator[Fault]:
    is_started = "Denoising strength" in parameters and request.strength > 0
    if is_started and not request.hires and "First pass size" not in parameters:
        if overrides.image is None:
            yield reasons.reason(
                "smoke-like-start",
                "The given picture was made from another, which is not in its infotext",
                "Its infotext has a denoising strength and no hires pass.",
                "Give that picture with --image.",
            )
        if "Mask blur" in parameters and overrides.mask is None:
            title = (
                "The given picture was painted into another, and the mask is not in its infotext"
            )
            advice = "Give the mask with --mask."
            yield reasons.reason("smoke-like-mask", title, "Its infotext has a mask blur.", advice)


def try_like(like: Like, trial: Trial) -> Step:
    """The step "like the picture": what came out beside the picture that was given."""
    made, given = trial.pictures[0].image, like.picture
    if given is None:
        return _step(like, None, None, "made; a text has no picture to compare with", like.reasons)
    if given.size != made.size:
        sizes = f"it is {_size(given)}, and its infotext makes {_size(made)}"
        title = "The given picture was cut or enlarged later, and cannot be compared"
        why = f"By its sizes: {sizes}."
        return _step(
            like, None, None, sizes, (reasons.reason("smoke-like-size", title, why), *like.reasons)
        )
    ours, theirs = (to_tensor(picture, *made.size) for picture in (made, given))
    decibels = psnr(ours, theirs)
    verdict = next((word for word in (SAME, NEAR) if limit(f"like-{word}").holds(decibels)), OTHER)
    faults = () if verdict != OTHER else like.reasons or (_differs(decibels),)
    if verdict == OTHER and trial.trained and not look_at(ours[0]).complaints():
        faults = (*_of_given(look_at(theirs[0])), *faults)
    exactness = f"{decibels:.1f} dB" if math.isfinite(decibels) else "every value"
    detail = f"{VERDICTS[verdict]} ({exactness})"
    return _step(like, verdict, decibels, detail, faults)


def _step(
    like: Like, verdict: str | None, decibels: float | None, detail: str, faults: tuple[Fault, ...]
) -> Step:
    measured = {
        "path": str(like.path),
        "verdict": verdict,
        "psnr": decibels if decibels is not None and math.isfinite(decibels) else None,
        "reasons": [fault.rule for fault in like.reasons],
    }
    differs = any(fault.severity >= Severity.WARNING for fault in faults)
    if verdict in (SAME, NEAR):
        return Step(NAME, True, detail, faults, (), measured)
    return Step(NAME, False if differs else None, detail, faults, (), measured)


def _size(picture: Image.Image) -> str:
    return f"{picture.width} × {picture.height}"


def _differs(decibels: float) -> Fault:
    return Fault(
        "smoke-like-differs",
        "The same settings make another picture here, and nothing known explains it",
        f"They agree to {decibels:.1f} dB only (at least {limit('like-near').at():.0f}).",
        advice="If the steps above passed, the settings in its infotext are not all of them:"
        " ask whoever made it for the UI's version, extensions and launch flags.",
        severity=Severity.WARNING,
    )


def _of_given(look: Look) -> Iterator[Fault]:
    complaints = look.complaints()
    if complaints:
        yield Fault(
            "smoke-like-given-bad",
            f"The given picture is {' and '.join(complaints)}, and its settings make a good one"
            " here",
            "So the settings and this model file are fine; something went wrong where it was made.",
            advice="Start the UI there with the launch flags above; if there are none, with"
            " --no-half-vae (A1111), and let `sdops doctor` look at that machine.",
            severity=Severity.WARNING,
        )
