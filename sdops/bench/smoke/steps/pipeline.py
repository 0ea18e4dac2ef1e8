"""Does the whole pipeline work? A picture, the same again, beside another, and no memory lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import Tensor

from sdops.bench.device import Device, first_line
from sdops.bench.difference import relative_error
from sdops.bench.limits import limit
from sdops.bench.memory_limit import is_out_of_memory, measured, resting_bytes
from sdops.bench.smoke.flags import DEFAULT_UI, remedy_for, title_of
from sdops.bench.smoke.look import Look, look_at
from sdops.bench.smoke.step import Fault, Need, Step, judged
from sdops.bench.smoke.steps.parts import gives_numbers, overflow
from sdops.bench.smoke.wanted import FEW_STEPS, FULL_STEPS, NO_OVERRIDES, Overrides, asked
from sdops.bench.subject import LADDER, Subject, usual_tile
from sdops.dialect.request import Request
from sdops.finding import Severity
from sdops.sampler.memory import Memory
from sdops.sampler.pipeline import NotANumberError, Options, Picture, Pipeline
from sdops.sampler.precision import Precision

NEEDS = {Memory.PARTS: Need.MEMORY_PARTS, Memory.LAYERS: Need.MEMORY_LAYERS}
TURNS = {Memory.PARTS: "its parts taking turns", Memory.LAYERS: "its layers taking turns"}
TILES = "the VAE working in tiles"
BATCH = "batch invariance"
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder of what a UI offers where memory is short."""

    policy: Memory
    vae_tile: int | None = None

    @property
    def title(self) -> str:
        """A word for it."""
        return self.policy.value + ("" if self.vae_tile is None else ", VAE in tiles")

    @property
    def words(self) -> str:
        """What it does, in the middle of a sentence."""
        turns = TURNS.get(self.policy)
        return " and ".join(filter(None, (turns, TILES if self.vae_tile else "")))


def rungs(ui: str, tile: int) -> tuple[Rung, ...]:
    """What to try in order: each policy whole, then with VAE tiles where the UI has them."""
    tiles = (None, tile) if remedy_for(Need.VAE_TILES, ui) else (None,)
    return tuple(Rung(policy, size) for policy in LADDER for size in tiles)


@dataclass(frozen=True, slots=True)
class Trial:
    """What was made under the first memory policy that fits."""

    options: Options
    request: Request
    pictures: tuple[Picture, ...]
    latents: Tensor
    """(B, z, h, w), on the CPU."""
    pixels: Tensor
    """(B, 3, H, W), on the CPU; as decoded, even where a mask keeps what was there."""
    trained: bool
    """Whether its picture can be judged as one."""
    peak_bytes: int = 0
    left_bytes: int = 0

    @property
    def text(self) -> str:
        """The infotext of its first picture."""
        return str(self.pictures[0].infotext)


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole pipeline of one subject on one device."""

    subject: Subject
    options: Options
    device: Device
    overrides: Overrides = NO_OVERRIDES
    memory_limit: int | None = None
    """Bytes to act as if there were; None for all there is."""
    ui: str = DEFAULT_UI
    """Whose ways to do with less memory to try."""

    def make(self) -> tuple[Step, Trial | None]:
        """The steps "memory": the first policy that fits; and what was made."""
        tried: list[str] = []
        for rung in rungs(self.ui, usual_tile(self.subject.parts().config)):
            try:
                trial = self._make(rung)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                tried.append(rung.title)
                continue
            return self._fits(rung, trial, tried), trial
        return never_fits(self.subject, self._limited()), None

    def _make(self, rung: Rung) -> Trial:
        options = replace(self.options, memory=rung.policy, vae_tile=rung.vae_tile)
        if self.device.has_own_memory:
            with measured(self.device, self.memory_limit) as meter:
                made = self._run(self.subject.pipeline(options))
            kept = 0
        else:
            pipeline = self.subject.pipeline(options)
            resting = resting_bytes(pipeline.parts, rung.policy)
            with measured(self.device, self.memory_limit, resting) as meter:
                made = self._run(pipeline)
            painted = made.pixels.numel()  # a byte for each in a picture
            kept = made.latents.nbytes + made.pixels.nbytes + painted
        left = meter.left_bytes - kept
        return replace(made, peak_bytes=meter.peak_bytes, left_bytes=left)

    def _run(self, pipeline: Pipeline) -> Trial:
        steps = FULL_STEPS if self.subject.trained else FEW_STEPS
        request = asked(pipeline, steps, self.overrides)
        latents = pipeline.sample(request)
        pixels = torch.cat([pipeline.decode(latent[None]).cpu() for latent in latents])
        return Trial(
            pipeline.options,
            request,
            pipeline.finish(request, pixels),
            latents.cpu(),
            pixels,
            self.subject.trained,
        )

    def _fits(self, rung: Rung, trial: Trial, tried: list[str]) -> Step:
        peak = f"{trial.peak_bytes / MIB:,.0f} MiB at most"
        numbers = {"policy": rung.policy.value, "vae_tile": rung.vae_tile}
        measured = {**numbers, "peak_bytes": trial.peak_bytes, "tried": tried}
        if not tried:
            return judged("memory", f"everything fits, {peak}", (), measured)
        why = f"It ran out of memory{self._limited()}; with {rung.words} it works and takes {peak}."
        detail, faults = f"fits with {rung.words}", []
        if rung.policy in NEEDS:
            faults.append(Fault(*SHORT, why, NEEDS[rung.policy]))
        remedy = remedy_for(Need.VAE_TILES, self.ui)
        if rung.vae_tile and remedy and remedy.automatic:
            detail += f", which {title_of(self.ui)} does by itself"
        elif rung.vae_tile:
            faults.append(Fault(*SHORT_FOR_VAE, why, Need.VAE_TILES))
        return judged("memory", detail, tuple(faults), measured)

    def _limited(self) -> str:
        limit_bytes = self.memory_limit
        return "" if limit_bytes is None else f" (limited to {limit_bytes / MIB:,.0f} MiB)"

    def failed(self, error: NotANumberError) -> Step:
        """The step "picture" where there is none, with the flag under which there is one."""

        def works(precision: Precision) -> bool:
            return replace(self, options=replace(self.options, precision=precision)).works()

        title = "No picture could be made"
        rule = "smoke-picture-none"
        fault, _ = overflow(rule, title, error, self.options.precision, works)
        return judged("picture", error.message, (fault,))

    def works(self) -> bool:
        """Whether a picture can be made."""
        try:
            return self.make()[1] is not None
        except NotANumberError:
            return False

    def repeat(self, trial: Trial) -> Iterator[Step]:
        """The steps "same seed" and "batch invariance"."""
        pipeline = self.subject.pipeline(trial.options)
        again = pipeline.sample(trial.request).cpu()
        yield _same(trial.latents, again)
        try:
            beside = self._beside(pipeline, trial.request)
        except NotANumberError as error:
            yield self._neighbor_fails(trial, error)
        else:
            yield self._batch(again[:1], beside)

    def _beside(self, pipeline: Pipeline, request: Request) -> Tensor | None:
        """The first picture's latent beside another, or alone if it was made beside others."""
        try:
            return pipeline.sample(_with_neighbor(request)).cpu()[:1]
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return None

    def _neighbor_fails(self, trial: Trial, error: NotANumberError) -> Step:
        """The step "batch invariance" where only the picture beside the first one overflows."""
        options, request = trial.options, _with_neighbor(trial.request)

        def works(precision: Precision) -> bool:
            pipeline = self.subject.pipeline(replace(options, precision=precision))
            return gives_numbers(lambda: pipeline.sample(request))

        title = "Another picture fails, although the first one works"
        fault, _ = overflow("smoke-batch-none", title, error, options.precision, works)
        return judged(BATCH, error.message, (fault,))

    def _batch(self, alone: Tensor, beside: Tensor | None) -> Step:
        if beside is None:
            return Step(BATCH, None, "two pictures at once do not fit into memory")
        precision = precision_name(self.options)
        error = relative_error(beside, alone)
        faults = () if limit("batch").holds(error, precision) else (_depends(error, precision),)
        words = f"relative error {error:.1e}" if error else "gives the same picture, bit by bit"
        return judged(BATCH, words, faults, {"relative_error": error})

    def memory_left(self, trial: Trial) -> Step:
        """The step "memory returns"."""
        name, left = "memory returns", max(trial.left_bytes, 0)
        faults = () if limit("memory-left").holds(left) else (_leaks(left),)
        return judged(name, f"{left / MIB:.1f} MiB left over", faults, {"left_bytes": left})


SHORT = ("smoke-memory-short", "This device has too little memory to hold the model whole")
SHORT_FOR_VAE = (
    "smoke-memory-vae",
    "This device has too little memory for the VAE to work on a picture whole",
)


def never_fits(subject: Subject, limited: str = "") -> Step:
    """The step "memory" where no policy helps."""
    fault = Fault(
        "smoke-memory-never-fits",
        f"{subject.title} does not fit into this device's memory at all",
        f"Not even with its layers taking turns{limited}.",
        advice="Use a smaller model or smaller pictures, and close other programs that use it.",
    )
    return judged("memory", "nothing fits", (fault,))


def fails(device: Device, error: BaseException) -> Step:
    """The step "device" where torch or its driver failed on the way."""
    fault = Fault(
        "smoke-device-fails",
        f"{device.title} fails while it makes pictures",
        f"It ended with: {first_line(error)}.",
        advice="Let `sdops doctor --deep` look at this machine; if it finds nothing, update the"
        " driver, and install the torch that `sdops env plan` names.",
    )
    return judged("device", first_line(error), (fault,))


def precision_name(options: Options) -> str:
    """`fp32`, `fp16` or `bf16`: what the UNet computes in."""
    names = {torch.float16: "fp16", torch.bfloat16: "bf16"}
    return names.get(options.precision.unet, "tf32" if options.precision.tf32 else "fp32")


def judge(trial: Trial) -> Step:
    """The step "picture": of a trained model the picture is judged, of a random one statistics."""
    looks = [look_at(pixels) for pixels in trial.pixels]
    look, deviation = looks[0], trial.latents.std().item()
    found = (one.complaints() if trial.trained else tuple(odd(one, deviation)) for one in looks)
    complaints = tuple(dict.fromkeys(chain(*found)))
    words = f"mean {look.mean:.2f}, deviation {look.deviation:.2f}, latents' {deviation:.2f}"
    numbers = {
        "mean": look.mean,
        "deviation": look.deviation,
        "saturated": look.saturated,
        "channel_share": look.channel_share,
        "latent_deviation": deviation,
    }
    faults = (
        Fault(
            "smoke-picture-bad",
            f"The picture is {' and '.join(complaints)}",
            f"{words[0].upper()}{words[1:]}, {look.saturated:.0%} of all values at an end.",
            advice="The steps above say which part fails; if none does, the model is at fault.",
        ),
    )
    return judged("picture", words, faults if complaints else (), numbers)


def odd(look: Look, deviation: float) -> Iterator[str]:
    """What is wrong with a picture of random weights, and its latents' deviation."""
    if not limit("latent-deviation-least").holds(deviation):
        yield "empty (its latents do not vary)"
    if not limit("latent-deviation-most").holds(deviation):
        yield "noise (its latents vary too much)"
    if not limit("flat").holds(look.deviation):
        yield "flat"
    if not limit("saturated").holds(look.saturated):
        yield "saturated"


def _with_neighbor(request: Request) -> Request:
    """`request` for two pictures; for one, if it was for more."""
    return replace(request, pictures=2 if request.pictures == 1 else 1)


def _same(first: Tensor, again: Tensor) -> Step:
    equal = torch.equal(first, again)
    error = 0.0 if equal else relative_error(again, first)
    fault = Fault(
        "smoke-not-repeatable",
        "The same seed gives another picture each time",
        f"The latents of two runs differ by {error:.1e} (relative).",
        advice="Some attention back-ends are not repeatable: try another. If it stays, the"
        " card's memory may be failing: `sdops doctor` looks for that.",
        severity=Severity.WARNING if error < REPEATABLE else Severity.ERROR,
    )
    detail = "gives the same picture, bit by bit" if equal else f"differs by {error:.1e}"
    return judged("same seed", detail, () if equal else (fault,), {"relative_error": error})


REPEATABLE = 5e-3
"""Relative error up to which a difference is the order of sums, which atomics do not fix; the
same as the bound for a picture's neighbors in fp16."""


def _depends(error: float, precision: str) -> Fault:
    return Fault(
        "smoke-batch-variant",
        "A picture depends on the others in its batch: it cannot be made again alone",
        f"Its latents differ by {error:.1e} (at most {limit('batch').at(precision):.0e}).",
        advice="Make pictures one by one where they must be repeatable.",
        severity=Severity.WARNING,
    )


def _leaks(left: int) -> Fault:
    return Fault(
        "smoke-memory-kept",
        "Memory is not given back after a picture: after some time there is none left",
        f"{left / MIB:.1f} MiB were still taken after the model was gone.",
        advice="Restart the UI now and then; update torch and the driver.",
    )
