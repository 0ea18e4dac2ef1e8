"""Every setting of a picture under the name that A1111's infotext gives it, in one table.

Infotext is written and read by it, `--set` and the axes of contact sheets go by it, and a request
is checked against it: what a setting is called and may be is said here alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdops.dialect.kinds import Choice, Kind, Label, Number, Seed, Size, Text, Written, names
from sdops.dialect.names import look_up
from sdops.dialect.options import (
    LATENT_UPSCALERS,
    NOISE_SOURCES,
    PICTURE_UPSCALERS,
    SEEDS,
    SIDE_UNIT,
    Hires,
    Prediction,
    Sampling,
)
from sdops.dialect.prompt import EMPHASES
from sdops.dialect.samplers import Axis, sampler, schedule_for, scheduler
from sdops.errors import UsageError

if TYPE_CHECKING:
    from sdops.dialect.request import Request

SMALLEST_SIDE = 64
MOST_STEPS, MOST_PICTURES, MOST_LAYERS = 1000, 64, 32
LARGEST_SCALE, LARGEST_BLUR, LARGEST_SIGMA = 100.0, 64.0, 1e4
SMALLEST_RHO, LARGEST_RHO = 0.1, 100.0


WHOLE, SEED = Number(1, MOST_STEPS, int), Seed(SEEDS)
SHARE, SIGMA = Number(0, 1), Number(0, LARGEST_SIGMA)
SAMPLER, SCHEDULER = Label(sampler, "a sampler's name"), Label(scheduler, "a scheduler's name")
SIDES, TARGET = Size(SMALLEST_SIDE, SIDE_UNIT), Size(0)
SWITCH = Choice("answer", {"True": True, "False": False})
WORDS = Text()
UPSCALER = names("upscaler", LATENT_UPSCALERS | PICTURE_UPSCALERS)


def always(_: Request) -> bool:
    """Infotext has it whatever it is."""
    return True


def never(_: Request) -> bool:
    """It is no part of infotext's parameters."""
    return False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting."""

    name: str
    place: str
    """Where a request has it: attributes with dots, or two with a space for a width and height."""
    kind: Kind
    written: Callable[[Request], bool] | None = None
    """Whether infotext has it; None for whenever it is not what it usually is."""
    resolve: Callable[[Request], Any] | None = None
    """What is written in place of its own value."""
    needs: str = ""
    """Without what it changes nothing, in words; `written` says whether that is there."""

    def of(self, request: Request) -> Any:
        """Its value in `request`; None where it has none."""
        found = tuple(_get(request, place) for place in self.place.split())
        return found[0] if len(found) == 1 else None if None in found else found

    def applied(self, request: Request, text: str) -> Request:
        """`request` with the value written as `text`.

        Raises:
            UsageError: it cannot have that value; says which it can.
        """
        value, places = self.read(text), self.place.split()
        for place, part in zip(places, (value,) if len(places) == 1 else value, strict=True):
            request = _put(request, place, part)
        return request

    def read(self, text: str) -> Any:
        """The value written as `text`; errors as in `applied`."""
        try:
            return self.kind.read(text.strip())
        except ValueError:
            hint = f"Give it {self.kind.meaning}."
            raise UsageError(f"{self.name} cannot be {text!r}.", hint) from None

    def check(self, request: Request) -> None:
        """Raise UsageError if its value in `request` makes no sense."""
        value = self.of(request)
        if value is not None:
            self.read(str(self.kind.write(value)))

    def refuse_idle(self, requests: Iterable[Request]) -> None:
        """Raise UsageError if what it needs is missing from all of `requests`."""
        if self.needs and self.written and not any(map(self.written, requests)):
            raise UsageError(f"{self.name} changes nothing here.", f"It needs {self.needs}.")

    def text(self, request: Request, usual: Request) -> Written | None:
        """What infotext says of it; None for nothing."""
        value = self.of(request)
        is_written = value != self.of(usual) if self.written is None else self.written(request)
        if not is_written:
            return None
        return self.kind.write(value if self.resolve is None else self.resolve(request))


def _get(thing: Any, place: str) -> Any:
    for name in place.split("."):
        thing = getattr(thing, name, None)
    return thing


def _put(thing: Any, place: str, value: Any) -> Any:
    name, _, rest = place.partition(".")
    if rest:
        value = _put(getattr(thing, name) or Hires(), rest, value)
    return replace(thing, **{name: value})


def _schedule(sampling: Sampling) -> str:
    """The label of the schedule that is used; "Automatic" stands for the sampler's own."""
    return scheduler(schedule_for(sampling.chosen, sampling.scheduler)).label


def _second(request: Request) -> Sampling:
    return (request.hires or Hires()).sampling(request.sampling)


def _has_eta(request: Request) -> bool:
    return request.sampling.eta is not None and request.sampling.chosen.takes_eta


def _in_times(request: Request) -> bool:
    return request.sampling.chosen.axis is Axis.TIMES


BASICS = (
    Parameter("Steps", "sampling.steps", WHOLE, always),
    Parameter("Sampler", "sampling.sampler", SAMPLER, always),
    Parameter("Schedule type", "sampling.scheduler", SCHEDULER, always,
              lambda r: _schedule(r.sampling)),
    Parameter("CFG scale", "guidance.scale", Number(0, LARGEST_SCALE), always),
    Parameter("Image CFG scale", "guidance.image_scale", Number(0, LARGEST_SCALE)),
    Parameter("Seed", "seed", SEED, always),
    Parameter("Size", "width height", SIDES, always),
)  # fmt: skip
"""What stands before the model's name, in A1111's order."""
DETAILS = (
    Parameter("Variation seed", "variation_seed", SEED, lambda r: r.variation_strength > 0,
              needs="a Variation seed strength"),
    Parameter("Variation seed strength", "variation_strength", SHARE),
    Parameter("Seed resize from", "resize_seed_from", SIDES),
    Parameter("Denoising strength", "strength", SHARE, lambda r: bool(r.image or r.hires),
              needs="a picture to start from (--image) or a hires pass (Hires upscale)"),
    Parameter("Clip skip", "prompt_options.clip_skip", Number(1, MOST_LAYERS, int)),
    Parameter("ENSD", "seed_delta", Number(-SEEDS, SEEDS, int),
              lambda r: r.seed_delta != 0 and r.sampling.chosen.uses_seed_delta),
    Parameter("RNG", "rng", names("source of noise", NOISE_SOURCES)),
    Parameter("Mask blur", "mask_blur", Number(0, LARGEST_BLUR), lambda r: r.mask is not None,
              needs="a mask (--mask)"),
    Parameter("Hires sampler", "hires.sampler", SAMPLER,
              lambda r: _second(r).chosen is not r.sampling.chosen),
    Parameter("Hires schedule type", "hires.scheduler", SCHEDULER,
              lambda r: _schedule(_second(r)) != _schedule(r.sampling),
              lambda r: _schedule(_second(r))),
    Parameter("Hires upscale", "hires.scale", Number(0, LARGEST_SCALE),
              lambda r: r.hires is not None and not (r.hires.width or r.hires.height)),
    Parameter("Hires resize", "hires.width hires.height", TARGET,
              lambda r: r.hires is not None and bool(r.hires.width or r.hires.height)),
    Parameter("Hires steps", "hires.steps", Number(0, MOST_STEPS, int)),
    Parameter("Hires upscaler", "hires.upscaler", UPSCALER),
    Parameter("Hires prompt", "hires.prompt", WORDS),
    Parameter("Hires negative prompt", "hires.negative", WORDS),
    Parameter("Eta", "sampling.eta", SHARE, lambda r: _has_eta(r) and not _in_times(r)),
    Parameter("Eta DDIM", "sampling.eta", SHARE, lambda r: _has_eta(r) and _in_times(r)),
    Parameter("Sigma churn", "sampling.churn.amount", Number(0, LARGEST_SCALE)),
    Parameter("Sigma tmin", "sampling.churn.lowest", SIGMA),
    Parameter("Sigma tmax", "sampling.churn.highest", Number(0, math.inf)),
    Parameter("Sigma noise", "sampling.churn.scale", Number(0, 2)),
    Parameter("Schedule max sigma", "sampling.sigma_max", SIGMA),
    Parameter("Schedule min sigma", "sampling.sigma_min", SIGMA),
    Parameter("Schedule rho", "sampling.rho", Number(SMALLEST_RHO, LARGEST_RHO)),
    Parameter("Discard penultimate sigma", "sampling.always_discard", SWITCH),
    Parameter("SGM noise multiplier", "sampling.sgm_noise_multiplier", SWITCH),
    Parameter("Enable quantization", "sampling.quantized", SWITCH),
    Parameter("Emphasis", "prompt_options.emphasis", names("emphasis mode", EMPHASES)),
    Parameter("Old prompt editing timelines", "prompt_options.old_timelines", SWITCH),
    Parameter("Pad conds", "prompt_options.same_length", SWITCH),
    Parameter("Clip skip SDXL", "prompt_options.sdxl_clip_l_skip", SWITCH),
    Parameter("Noise Schedule", "sampling.zero_terminal_snr",
              Choice("noise schedule", {"Default": False, "Zero Terminal SNR": True})),
    Parameter("Prediction type", "sampling.prediction",
              Choice("prediction type", {kind.value: kind for kind in Prediction})),
)  # fmt: skip
"""What stands behind it."""
APART = (
    Parameter("Prompt", "prompt", WORDS, never),
    Parameter("Negative prompt", "negative", WORDS, never),
    Parameter("Batch size", "pictures", Number(1, MOST_PICTURES, int), never),
)
"""Prompts have lines of their own, and each picture of a batch its own infotext."""
PARAMETERS = (*BASICS, *DETAILS, *APART)
BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}
IN_INFOTEXT = frozenset(parameter.name for parameter in (*BASICS, *DETAILS))


def parameter(name: str) -> Parameter:
    """The setting called `name`, whatever its case.

    Raises:
        UsageError: there is none; suggests the nearest.
    """
    return look_up("setting", name, BY_NAME)


def applied(request: Request, settings: Mapping[str, str]) -> Request:
    """`request` with `settings`, texts by name.

    Raises:
        UsageError: there is no such setting, or it cannot have that value.
    """
    for name, text in settings.items():
        request = parameter(name).applied(request, text)
    return request
