"""Do text encoders, UNet and VAE run in half precision? Each against the same in fp32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sdops.bench.device import REFUSALS, first_line
from sdops.bench.difference import cosine, psnr, relative_error
from sdops.bench.limits import limit
from sdops.bench.memory_limit import is_out_of_memory
from sdops.bench.smoke.step import Fault, Need, Step, judged
from sdops.bench.smoke.wanted import PROMPT, asked
from sdops.bench.subject import Subject, usual_side
from sdops.dialect.options import Prediction
from sdops.dialect.prompt import Steps
from sdops.sampler.conditioning import Encoded
from sdops.sampler.guidance import Predictor
from sdops.sampler.pipeline import NotANumberError, Options, Pipeline
from sdops.sampler.precision import PRECISIONS, Precision, tf32_as

HALVES = ("fp16", "bf16")
TIMES = (999.0, 500.0, 20.0)
"""Almost only noise, half, and almost a picture."""
LARGEST_FP16 = 65504.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Inputs that every precision gets alike, and what fp32 makes of them; all on the CPU, fp32."""

    rows: tuple[Encoded, ...]
    latent: Tensor
    """(1, in_channels, h, w), unit variance, for the UNet."""
    context: Tensor
    noise: Tensor
    """(len(TIMES), out_channels, h, w): the UNet's outputs."""
    painted: Tensor
    """(1, z, h, w): latents for the VAE."""
    picture: Tensor
    """(1, 3, 8 h, 8 w): what the VAE makes of them."""
    largest: float
    """The largest number inside the VAE."""
    cosine: float
    """Between the UNet's output at the highest time and its input."""
    prediction: Prediction
    """What the UNet predicts, asked of it if the file did not say."""


def reference(subject: Subject, options: Options) -> Sample:
    """What fp32 makes of the inputs on the device, with the attention, of `options`.

    Of pictures half as large where fp32 needs more memory than there is, as on cards with 8 GB,
    which hold SDXL in fp16: what overflows does so at any size.

    Raises:
        torch.OutOfMemoryError: there is not enough memory for those either.
    """
    exact = replace(options, precision=PRECISIONS["fp32"])
    try:
        return subject.roomy(exact, lambda pipeline: _reference(pipeline, 1))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    return subject.roomy(exact, lambda pipeline: _reference(pipeline, 2))


@torch.inference_mode()
def _reference(pipeline: Pipeline, smaller: int) -> Sample:
    config = pipeline.config
    pixels = usual_side(config) // smaller
    side = pixels // config.vae.downscale
    generator = torch.Generator().manual_seed(1)
    latent = torch.randn(1, config.unet.in_channels, side, side, generator=generator)
    rows = encode(pipeline)
    noise = predict(pipeline, latent, rows)
    painted = _painted(pipeline, pixels)
    largest = Largest()
    with largest.watching(pipeline.parts.vae):
        picture = decode(pipeline, painted)
    likeness = cosine(noise[0], latent[0, : config.unet.out_channels])
    context = torch.stack([row.context.cpu() for row in rows])
    return Sample(
        rows,
        latent,
        context,
        noise,
        painted,
        picture,
        largest.seen,
        likeness,
        pipeline.prediction,
    )


def _painted(pipeline: Pipeline, pixels: int) -> Tensor:
    """Latents such as the VAE gets: of a picture, or noise if the UNet cannot make any."""
    try:
        request = replace(asked(pipeline), width=pixels, height=pixels)
        return pipeline.sample(request).cpu()
    except NotANumberError:
        side = pixels // pipeline.config.vae.downscale
        generator = torch.Generator().manual_seed(2)
        channels = pipeline.config.vae.latent_channels
        return torch.randn(1, channels, side, side, generator=generator)


def encode(pipeline: Pipeline) -> tuple[Encoded, ...]:
    """The prompt and the empty prompt, encoded."""
    side = usual_side(pipeline.config)
    with pipeline.residence.present(*pipeline.parts.text):
        found = pipeline.encoders.condition(PROMPT, "", (side, side), Steps(1))
    return found.parts[0][1][0][1], found.negative[0][1]


def predict(pipeline: Pipeline, latent: Tensor, rows: tuple[Encoded, ...]) -> Tensor:
    """The UNet's outputs, (TIMES, out_channels, h, w) on the CPU, for `latent` (1, …)."""
    device = pipeline.residence.device
    with pipeline.residence.present(pipeline.parts.unet), tf32_as(pipeline.options.precision):
        call = Predictor(pipeline.parts.unet, None, device)
        outputs = [call(latent.to(device), time, rows[:1]).cpu() for time in TIMES]
    return torch.cat(outputs)


def decode(pipeline: Pipeline, latent: Tensor) -> Tensor:
    """The picture (1, 3, 8 h, 8 w) on the CPU, fp32, whatever numbers are in it."""
    vae = pipeline.parts.vae
    dtype = vae.post_quant_conv.weight.dtype
    with pipeline.residence.present(vae), tf32_as(pipeline.options.precision):
        return vae.decode(latent.to(pipeline.residence.device, dtype)).float().cpu()


class Largest:
    """Watches for the largest number that any layer gives.

    Attributes:
        seen: it, so far.
    """

    def __init__(self) -> None:
        self.seen = 0.0

    def watching(self, module: nn.Module) -> ExitStack:
        """A context in which the layers of `module` are watched."""
        stack = ExitStack()
        for layer in module.modules():
            stack.callback(layer.register_forward_hook(self._look).remove)
        return stack

    def _look(self, _: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            self.seen = max(self.seen, output.abs().amax().item())


class PartRules(NamedTuple):
    """The ids of what can be found in one part of a model."""

    half_precision: str
    bf16: str
    broken: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a model, and how it is tried."""

    title: str
    limit: str
    rules: PartRules
    run: Callable[[Pipeline, Sample], Tensor]
    wanted: Callable[[Sample], Tensor]
    compare: Callable[[Tensor, Tensor], float]
    ladder: tuple[tuple[Need, Callable[[Precision], Precision]], ...]
    """What may fix it in fp16, the cheapest first."""
    unit: str = "relative error"
    form: str = "{:.1e}"
    """How a distance is written."""
    looks: str = "black or as noise"
    """How pictures come out if it fails."""

    def distance(self, pipeline: Pipeline, sample: Sample) -> float:
        """From fp32; NaN if any of all elements is not a number."""
        with torch.inference_mode():
            found = self.run(pipeline, sample)
        return self.compare(found, self.wanted(sample)) if found.isfinite().all() else float("nan")


def _fp32(_: Precision) -> Precision:
    return PRECISIONS["fp32"]


def _upcast_attention(precision: Precision) -> Precision:
    return replace(precision, upcast_attention=True)


TEXT = Part(
    "text encoder",
    "text",
    PartRules("smoke-text-half-precision", "smoke-text-bf16", "smoke-text-broken"),
    lambda pipeline, _: torch.stack([row.context.cpu() for row in encode(pipeline)]),
    lambda sample: sample.context,
    relative_error,
    ((Need.MODEL_FP32, _fp32),),
)
UNET = Part(
    "UNet",
    "unet",
    PartRules("smoke-unet-half-precision", "smoke-unet-bf16", "smoke-unet-broken"),
    lambda pipeline, sample: predict(pipeline, sample.latent, sample.rows),
    lambda sample: sample.noise,
    relative_error,
    (
        (Need.UPCAST_ATTENTION, _upcast_attention),
        (Need.UPCAST_SAMPLING, Precision.upcast_sampling),
        (Need.MODEL_FP32, _fp32),
    ),
)
VAE_LADDER = ((Need.VAE_FP32, Precision.no_half_vae),)
LADDERS = {"UNet": UNET.ladder, "VAE": VAE_LADDER}
"""What may fix a part that overflows, the cheapest first."""


def corrected(
    part: str, precision: Precision, works: Callable[[Precision], bool]
) -> tuple[Need, Precision] | None:
    """What fixes a part ("UNet" or "VAE") that overflows: the first of its ladder that works."""
    for need, correct in LADDERS[part]:
        tried = correct(precision)
        if tried != precision and works(tried):
            return need, tried
    return None


def overflow(
    rule: str,
    title: str,
    error: NotANumberError,
    precision: Precision,
    works: Callable[[Precision], bool],
) -> tuple[Fault, Precision]:
    """The fault of a part that overflowed in `precision`, and the first in which it does not."""
    found = corrected(error.part, precision, works)
    need, after = found or (None, precision)
    why = f"{error.message} {f'{MENDED[need]} it works.' if need else NOTHING_MENDS}"
    return Fault(rule, title, why, need, advice=ANOTHER_MODEL), after


def gives_numbers(run: Callable[[], object]) -> bool:
    """Whether `run` comes to its end: without overflow, and within memory."""
    try:
        run()
    except NotANumberError:
        return False
    except RuntimeError as error:
        if is_out_of_memory(error):
            return False
        raise
    return True


def vae_part(latent: Tensor) -> Part:
    """The VAE, tried on `latent` (1, z, h, w)."""
    return Part(
        "VAE",
        "vae",
        PartRules("smoke-vae-half-precision", "smoke-vae-bf16", "smoke-vae-broken"),
        lambda pipeline, _: decode(pipeline, latent),
        lambda sample: sample.picture,
        psnr,
        VAE_LADDER,
        "PSNR in dB",
        "{:.1f} dB",
        "black",
    )


def try_part(part: Part, subject: Subject, options: Options, sample: Sample) -> Step:
    """The step of one part: each half precision against fp32, and what fixes fp16."""
    distances: dict[str, float] = {}
    faults: list[Fault] = []
    refused = ""
    exact = part.wanted(sample)
    name = part.title
    if not exact.isfinite().all():
        return judged(name, "not a number even in fp32", (_broken(part, subject),))
    for precision in HALVES:
        chosen = replace(options, precision=PRECISIONS[precision])
        try:
            distances[precision] = subject.roomy(chosen, lambda p: part.distance(p, sample))
        except REFUSALS as error:
            refused += f"; {precision} is refused here ({first_line(error)})"
            continue
        if not limit(part.limit).holds(distances[precision], precision):
            faults += _fault(part, subject, chosen, sample, precision, distances[precision])
    words = ", ".join(f"{name} {_words(part, d)}" for name, d in distances.items())
    measured: dict[str, object] = {"unit": part.unit, **distances}
    if part.limit == "vae":
        headroom = LARGEST_FP16 / sample.largest if sample.largest else float("inf")
        measured["headroom"] = headroom
        words += f"; {_room(headroom)}"
        if not faults and not limit("vae-headroom").holds(headroom):
            faults.append(_no_headroom(headroom))
    return judged(name, f"against fp32: {words}{refused}", tuple(faults), measured)


def _fault(
    part: Part,
    subject: Subject,
    options: Options,
    sample: Sample,
    precision: str,
    distance: float,
) -> Iterator[Fault]:
    what = "gives values that are not numbers" if distance != distance else "is too far off"
    why = f"In {precision} the {part.title} {what}: {_words(part, distance)}."
    if precision != "fp16":
        yield Fault(
            part.rules.bf16,
            f"The {part.title} does not work in bfloat16",
            why,
            advice="Do not choose bfloat16 for it.",
        )
        return
    for need, correct in part.ladder:
        corrected = replace(options, precision=correct(options.precision))
        after = subject.roomy(corrected, lambda p: part.distance(p, sample))
        if limit(part.limit).holds(after, "fp16"):
            why += f" {MENDED[need]} it is right ({_words(part, after)})."
            break
    else:
        need, why = None, f"{why} {NOTHING_MENDS}"
    yield Fault(
        part.rules.half_precision,
        f"The {part.title} does not work in half precision: pictures come out {part.looks}",
        why,
        need,
        advice="Do not run it in half precision.",
    )


NOTHING_MENDS = "Nothing that was tried fixes it."
ANOTHER_MODEL = "Get the model again from its source, or use another."
MENDED = {
    Need.VAE_FP32: "In fp32",
    Need.MODEL_FP32: "In fp32",
    Need.UPCAST_ATTENTION: "With only its attention in fp32",
    Need.UPCAST_SAMPLING: "With only its norms and gates in fp32",
}


def _broken(part: Part, subject: Subject) -> Fault:
    return Fault(
        part.rules.broken,
        f"The {part.title} of this model is broken: it can never make a picture",
        f"Even in fp32, {subject.title} gives values that are not numbers.",
        advice="Get the file again from its source, or use another"
        + (" VAE." if part.limit == "vae" else " model."),
    )


def _room(headroom: float) -> str:
    if headroom < 1:
        return f"its largest number is {1 / headroom:,.0f} times what fp16 can hold"
    return f"head-room in fp16 {headroom:,.0f} times"


def _no_headroom(headroom: float) -> Fault:
    return Fault(
        "smoke-vae-headroom",
        "The VAE overflows half precision: sooner or later a picture comes out black",
        f"The largest number inside it is {1 / headroom:.2g} times what fp16 can hold (65504).",
        Need.VAE_FP32,
    )


def _words(part: Part, distance: float) -> str:
    if distance != distance:
        return "NaN or inf"
    if distance == (float("inf") if part.compare is psnr else 0.0):
        return "to the last bit"
    return part.form.format(distance)
