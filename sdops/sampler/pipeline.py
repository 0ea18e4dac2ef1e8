"""From a request to pictures: text to picture, picture to picture, inpainting, hires fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sdops.dialect.infotext import Infotext
from sdops.dialect.options import LATENT_UPSCALERS, Prediction, Sampling
from sdops.dialect.prompt import Steps
from sdops.dialect.request import NO_FILES, Files, Request
from sdops.dialect.samplers import Axis
from sdops.errors import SdopsError, UsageError
from sdops.sampler.attention import set_attention
from sdops.sampler.conditioning import Conditioning, TextEncoders
from sdops.sampler.configuration import INPAINTING_CHANNELS, PIX2PIX_CHANNELS, Family, ModelConfig
from sdops.sampler.graphs import Execution, prepare
from sdops.sampler.guidance import (
    Consistency,
    Epsilon,
    GuidedModel,
    Inpaint,
    Parameterization,
    Predictor,
    Velocity,
    probe_prediction,
)
from sdops.sampler.memory import Memory, Residence, tiled
from sdops.sampler.noise import PictureNoise
from sdops.sampler.precision import PRECISIONS, Precision, make_islands, tf32_as
from sdops.sampler.sampling import Run
from sdops.sampler.schedule import NoiseLevels
from sdops.sampler.upscale import (
    mask_tensor,
    paste_back,
    resize_latent,
    resize_picture,
    to_picture,
    to_tensor,
)
from sdops.sampler.weights import Parts

if TYPE_CHECKING:
    from PIL import Image

OnCall = Callable[[int], None]
SMALLEST_TILE = 4
OVERLAPS_A_TILE = 4
"""Neighboring VAE tiles share a quarter of their side, 16 of 64 latent pixels as in ComfyUI."""


class NotANumberError(SdopsError):
    """A part of the model gave NaN or inf: its values overflow the type it computes in."""

    def __init__(self, part: str, hint: str) -> None:
        super().__init__(f"The {part} gave values that are not numbers.", hint)
        self.part = part
        """`UNet` or `VAE`."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a pipeline computes."""

    device: str = "cpu"
    precision: Precision = PRECISIONS["fp32"]
    attention: str = "sdpa"
    """A name in `attention.BACKENDS`."""
    memory: Memory = Memory.ALL
    execution: Execution = Execution.EAGER
    channels_last: bool = False
    """Whether convolutions keep a pixel's channels together."""
    vae_tile: int | None = None
    """Side of the VAE's tiles in latent pixels; None works on a picture whole."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture and how it was made."""

    image: Image.Image
    infotext: Infotext


@dataclass(frozen=True, slots=True)
class Start:
    """What a pass starts from, beside noise."""

    latent: Tensor | None = None
    """(B, C, h, w) to noise and denoise; None for noise alone."""
    strength: float = 1.0
    steps: int | None = None
    channels: Tensor | None = None
    """(B, C', h, w) that inpainting and pix2pix models see."""
    inpaint: Inpaint | None = None


class Pipeline:
    """A model that is ready to make pictures.

    Args:
        parts: its modules; they are cast and moved as `options` ask.
        options: how it computes.
        files: what infotext says of the files it is from.

    Attributes:
        prediction: what its UNet predicts, asked of it if the file did not say.
    """

    def __init__(
        self,
        parts: Parts,
        options: Options = Options(),
        files: Files = NO_FILES,
    ) -> None:
        if options.vae_tile is not None and options.vae_tile < SMALLEST_TILE:
            raise UsageError(f"A VAE tile of {options.vae_tile} is too small.", "Use 64.")
        if options.memory is not Memory.ALL and "cuda-graphs" in options.execution.value:
            raise UsageError(
                "A CUDA graph needs the whole model to stay on the GPU.",
                "Leave out one of the two.",
            )
        self.parts, self.options, self.files = parts, options, files
        self.residence = Residence(options.memory, torch.device(options.device))
        self._settle()
        attend = options.precision.attend(options.attention, self.residence.device)
        set_attention(parts.unet, attend)
        self.encoders = TextEncoders(parts.config, parts.text)
        self.prediction = parts.config.prediction or self._probed()
        self._predict = prepare(parts.unet, options.execution)

    @property
    def config(self) -> ModelConfig:
        """What the model is built like."""
        return self.parts.config

    def generate(self, request: Request, on_call: OnCall | None = None) -> tuple[Picture, ...]:
        """The pictures of `request`.

        Args:
            request: what to make.
            on_call: told the number of each model call that is done, from 1.

        Raises:
            UsageError: the request makes no sense, or not for this model.
            NotANumberError: the UNet or VAE overflowed.
        """
        latents = self.sample(request, on_call)
        return self.finish(request, torch.cat([self.decode(latent[None]) for latent in latents]))

    def finish(self, request: Request, pixels: Tensor) -> tuple[Picture, ...]:
        """The pictures of `request`, given what was decoded: `pixels` (B, 3, H, W), about -1…1."""
        pictures = [to_picture(one) for one in pixels]
        mask = request.softened_mask
        if request.image is not None and mask is not None:
            pictures = [paste_back(picture, request.image, mask) for picture in pictures]
        return tuple(
            Picture(picture, self.infotext(request.alone(number)))
            for number, picture in enumerate(pictures)
        )

    def infotext(self, request: Request) -> Infotext:
        """How the first picture of `request` was made, with what is not usual of the model."""
        sampling = self._told(request.sampling)
        is_usual = sampling.prediction is Prediction.EPSILON and not request.sampling.prediction
        sampling = replace(sampling, prediction=None if is_usual else sampling.prediction)
        return replace(request, sampling=sampling).infotext(self.files)

    @torch.inference_mode()
    def sample(self, request: Request, on_call: OnCall | None = None) -> Tensor:
        """The latents (B, C, h, w), fp32, of `request`; arguments and errors as in `generate`."""
        request.check()
        refuse_unfit(self.config, request)
        if request.sampling.chosen.one_by_one and request.pictures > 1:
            singles = map(request.alone, range(request.pictures))
            return torch.cat([self.sample(single, on_call) for single in singles])
        with tf32_as(self.options.precision):
            conditioning = self._condition(request, (request.width, request.height))
            latents = self._pass(request, conditioning, self._start(request), on_call)
            if request.hires:
                latents = self._enlarge(request, latents, on_call)
        if not latents.isfinite().all():
            raise NotANumberError("UNet", "Run it with --no-half, or with --upcast-sampling.")
        return latents

    @torch.inference_mode()
    def decode(self, latent: Tensor, tile: int | None = None) -> Tensor:
        """The pictures (B, 3, 8 h, 8 w), about -1…1, fp32, of `latent` (B, C, h, w).

        Args:
            latent: what to decode.
            tile: side of the VAE's tiles in place of the options'.

        Raises:
            NotANumberError: the VAE overflowed.
        """
        vae, tile = self.parts.vae, tile or self.options.vae_tile
        return _numbers(self._by_vae(vae.decode, latent, tile, vae.config.downscale).float())

    @torch.inference_mode()
    def encode(self, pixels: Tensor, noise: Tensor | None = None) -> Tensor:
        """A latent (B, C, h, w), fp32, of `pixels` (B or 1, 3, 8 h, 8 w) in -1…1.

        Args:
            pixels: what to encode.
            noise: as in `Vae.sample`.

        Raises:
            NotANumberError: the VAE overflowed.
        """
        vae, tile = self.parts.vae, self.options.vae_tile
        scale = vae.config.downscale
        side = None if tile is None else tile * scale
        moments = self._by_vae(vae.moments, pixels, side, 1 / scale)
        return _numbers(vae.sample(moments, noise).float())

    def _by_vae(
        self, function: Callable[[Tensor], Tensor], x: Tensor, tile: int | None, scale: float
    ) -> Tensor:
        """`function` of the VAE for `x`, whole or in tiles with this side (see `tiled`)."""
        vae = self.parts.vae
        x = x.to(self.residence.device, vae.quant_conv.weight.dtype)
        with tf32_as(self.options.precision), self.residence.present(vae):
            if tile is None:
                return function(x)
            return tiled(function, x, tile, tile // OVERLAPS_A_TILE, scale)

    def parameterization(self, sampling: Sampling) -> Parameterization:
        """What the UNet's output means to the sampler of `sampling`."""
        told, levels = self._told(sampling), NoiseLevels.scaled_linear()
        kind = Velocity if told.prediction is Prediction.V else Epsilon
        base = kind(
            levels.zero_terminal_snr() if told.zero_terminal_snr else levels, told.quantized
        )
        return Consistency(base) if sampling.chosen.axis is Axis.CONSISTENCY else base

    def _told(self, sampling: Sampling) -> Sampling:
        """`sampling` with what the model itself says, where the user says nothing else."""
        return replace(
            sampling,
            prediction=sampling.prediction or self.prediction,
            zero_terminal_snr=sampling.zero_terminal_snr or self.config.zero_terminal_snr,
        )

    @torch.inference_mode()
    def _probed(self) -> Prediction:
        with self.residence.present(self.parts.unet):
            return probe_prediction(self.parts.unet, self.residence.device)

    def _settle(self) -> None:
        """Cast each part once, and put it where it rests."""
        precision, parts = self.options.precision, self.parts
        self.residence.settle(parts.unet, precision.unet)
        self.residence.settle(parts.vae, precision.vae)
        for encoder in parts.text:
            self.residence.settle(encoder, precision.text)
        if self.options.channels_last:
            parts.unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            parts.vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if precision.islands:
            make_islands(parts.unet)
        if self.options.memory is Memory.LAYERS:
            self.residence.visit_layer_by_layer(parts.unet)

    def _condition(
        self, request: Request, size: tuple[int, int], first_pass: int | None = None
    ) -> Conditioning:
        """The prompts of `request`, encoded for a picture of this `size`: width and height."""
        options = request.prompt_options
        steps = Steps(request.sampling.calls, first_pass, options.old_timelines)
        with self.residence.present(*self.parts.text):
            return self.encoders.condition(
                request.prompt, request.negative, size[::-1], steps, options
            )

    def _pass(
        self, request: Request, conditioning: Conditioning, start: Start, on_call: OnCall | None
    ) -> Tensor:
        """One run of the sampler."""
        with self.residence.present(self.parts.unet):
            predictor = Predictor(self.parts.unet, self._predict, self.residence.device)
            model = GuidedModel(
                predictor,
                self.parameterization(request.sampling),
                [conditioning] * request.pictures,
                request.guidance,
                start.channels,
                start.inpaint,
                on_call,
            )
            is_sdxl = self.config.family in (Family.SDXL, Family.SDXL_REFINER)
            run = Run(request.sampling, model, self._noise(request), is_sdxl)
            if start.latent is None:
                return run.from_noise()
            return run.from_latent(start.latent, start.strength, start.steps)

    def _noise(self, request: Request) -> PictureNoise:
        shape = self._latent_shape(request)
        return PictureNoise(
            shape,
            request.seeds,
            request.rng,
            self.residence.device,
            request.variation(),
            request.seed_delta,
        )

    def _latent_shape(self, request: Request) -> tuple[int, int, int]:
        scale = self.config.vae.downscale
        return (
            self.config.vae.latent_channels,
            request.height // scale,
            request.width // scale,
        )

    def _start(self, request: Request) -> Start:
        """What the first pass starts from."""
        channels = self._channels(request)
        if request.image is None or self.config.unet.in_channels == PIX2PIX_CHANNELS:
            return Start(channels=channels)
        latent = self._encode_batch(request, request.image)
        inpaint, mask = None, request.softened_mask
        if mask is not None:
            height, width = latent.shape[2:]
            inpaint = Inpaint(mask_tensor(mask, width, height).to(latent), latent)
        return Start(latent, request.strength, None, channels, inpaint)

    def _channels(self, request: Request) -> Tensor | None:
        """What inpainting and pix2pix models see beside the latent: (B, C', h, w)."""
        in_channels = self.config.unet.in_channels
        if in_channels == INPAINTING_CHANNELS:
            seen = self._masked_channels(request)
        elif in_channels == PIX2PIX_CHANNELS and request.image is not None:
            pixels = to_tensor(request.image, request.width, request.height)
            seen = self.encode(pixels) / self.config.vae.scale_factor
        else:
            return None
        return seen.expand(request.pictures, -1, -1, -1)

    def _encode_batch(self, request: Request, image: Image.Image) -> Tensor:
        """A latent of `image` for each picture of the batch, sampled with a noise of its own."""
        noise = PictureNoise(self._latent_shape(request), request.seeds, "CPU")
        noise.first()  # that is what sampling starts from; this one is for the encoder
        return self.encode(to_tensor(image, request.width, request.height), noise.next())

    def _masked_channels(self, request: Request) -> Tensor:
        """What an inpainting model sees: the mask, and the latent of what is kept: (1, 5, h, w)."""
        height, width = request.height, request.width
        mask, kept = torch.ones(1, 1, height, width), torch.zeros(1, 3, height, width)
        if request.image is not None and request.softened_mask is not None:
            mask = mask_tensor(request.softened_mask, width, height)
            kept = to_tensor(request.image, width, height) * (1 - mask)
        latent = self.encode(kept)
        small = torch.nn.functional.interpolate(mask.to(latent), size=latent.shape[2:])
        return torch.cat((small, latent), 1)

    def _enlarge(self, request: Request, latents: Tensor, on_call: OnCall | None) -> Tensor:
        """The second pass of hires fix."""
        hires = request.hires
        assert hires is not None
        second = request.second_pass(hires)
        covered = hires.cover(request.width, request.height)
        large = self._enlarged(second, latents, covered, hires.upscaler)
        start = Start(large, request.strength, second.sampling.steps, self._channels(second))
        conditioning = self._condition(second, covered, request.sampling.calls)
        return self._pass(second, conditioning, start, on_call)

    def _enlarged(
        self, request: Request, latents: Tensor, covered: tuple[int, int], upscaler: str
    ) -> Tensor:
        """`latents` at the size of a picture of `covered` pixels, then cut to that of `request`."""
        scale = self.config.vae.downscale
        if upscaler.casefold() in map(str.casefold, LATENT_UPSCALERS):
            large = resize_latent(latents, (covered[1] // scale, covered[0] // scale), upscaler)
        else:
            pictures = (to_picture(self.decode(latent[None])[0]) for latent in latents)
            resized = (resize_picture(picture, *covered, upscaler) for picture in pictures)
            large = torch.cat([self.encode(to_tensor(p, *p.size)) for p in resized])
        _, height, width = self._latent_shape(request)
        top, left = (large.shape[2] - height) // 2, (large.shape[3] - width) // 2
        return large[:, :, top : top + height, left : left + width]


def _numbers(values: Tensor) -> Tensor:
    """`values` of the VAE, all of which must be numbers."""
    if not values.isfinite().all():
        raise NotANumberError("VAE", "Run it with --no-half-vae.")
    return values


def refuse_unfit(config: ModelConfig, request: Request) -> None:
    """Raise UsageError if `request` makes no sense for a model."""
    channels = config.unet.in_channels
    if request.guidance.image_scale is not None and channels != PIX2PIX_CHANNELS:
        raise UsageError(
            "An image CFG scale is for instruct-pix2pix models, and this is none.",
            "Leave it out.",
        )
    if channels == PIX2PIX_CHANNELS and request.image is None:
        raise UsageError("An instruct-pix2pix model edits an image.", "Give it one.")
    if config.family is Family.SDXL_REFINER and request.image is None:
        raise UsageError(
            "This is an SDXL refiner, which only improves a picture.",
            "Use it with a picture that an SDXL base model made.",
        )
