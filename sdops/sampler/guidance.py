"""From the UNet to `model(x, sigma) -> denoised`: scalings, classifier-free guidance, masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdops.dialect.options import GUIDE_AS_USUAL, Guidance, Prediction
from sdops.sampler.conditioning import Conditioning, Encoded, Scheduled
from sdops.sampler.schedule import NoiseLevels, append_zero
from sdops.sampler.unet import KeysValues, UNet

Predict = Callable[[Tensor, Sequence[Tensor], Sequence[KeysValues]], Tensor]
"""`UNet.predict`, or a compiled or graphed form of it."""


class Predictor:
    """Runs the UNet for rows of text; keeps what does not change between steps.

    Args:
        unet: the model; its weights' type is the type it runs in.
        predict: what to run in place of `unet.predict`.
        device: where it runs; None for where its weights are.
    """

    def __init__(
        self,
        unet: UNet,
        predict: Predict | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.unet = unet
        self.predict = predict or unet.predict
        weight = unet.get_parameter("out.2.weight")
        self.dtype, self.device = weight.dtype, device or weight.device
        self.times: tuple[float, ...] = ()
        """Times known in advance; their shifts are computed together."""
        self._keys_values: dict[tuple[int, ...], tuple[KeysValues, ...]] = {}
        self._shifts: dict[tuple[float, tuple[int, ...]], tuple[Tensor, ...]] = {}
        self._rows: list[Encoded] = []

    def __call__(self, x: Tensor, t: float, rows: Sequence[Encoded]) -> Tensor:
        """The UNet's output, fp32, for `x` (R, C, h, w) at time `t`, conditioned on each row."""
        key = tuple(map(id, rows))
        if key not in self._keys_values:
            self._rows += rows  # kept alive, so that an id stays theirs
            context = torch.stack([row.context for row in rows]).to(self.device, self.dtype)
            self._keys_values[key] = self.unet.prompt_keys_values(context)
            self._prepare(self.times, key, rows)
        if (t, key) not in self._shifts:
            self._prepare((t,), key, rows)
        x = x.to(self.dtype)
        return self.predict(x, self._shifts[t, key], self._keys_values[key]).float()

    def _prepare(
        self, times: Sequence[float], key: tuple[int, ...], rows: Sequence[Encoded]
    ) -> None:
        if not times:
            return
        t = torch.tensor(times, device=self.device).repeat_interleave(len(rows))
        if self.dtype is torch.float16:
            t = t.half()  # A1111 rounds the time so; half a step above 512
        vectors = [row.vector for row in rows if row.vector is not None]
        vector = torch.stack(vectors).to(self.device).repeat(len(times), 1) if vectors else None
        shifts = [torch.split(part, len(rows)) for part in self.unet.time_shifts(t, vector)]
        for number, time in enumerate(times):
            self._shifts[time, key] = tuple(part[number] for part in shifts)


def probe_prediction(unet: UNet, device: torch.device | None = None) -> Prediction:
    """What a Stable Diffusion 2 UNet predicts: a v is far below a constant picture (A1111)."""
    weight = unet.get_parameter("out.2.weight")
    device = device or weight.device
    x = torch.full((1, unet.config.in_channels, 8, 8), 0.5, dtype=weight.dtype, device=device)
    context = x.new_full((1, 2, unet.config.context_dim), 0.5)
    predicted = unet(x, torch.full((1,), 999.0, device=device), context)
    difference = (predicted - x[:, : predicted.shape[1]]).float().mean().item()
    return Prediction.V if difference < -1 else Prediction.EPSILON


@dataclass(frozen=True, slots=True)
class Epsilon:
    """The UNet predicts the noise (Ho et al. 2020)."""

    levels: NoiseLevels
    quantized: bool = False
    """Whether the UNet is told only of times that it was trained at."""

    def time(self, sigma: float) -> float:
        """The time to tell the UNet at the level `sigma`, fractional unless times are quantized."""
        place = self.levels.nearest_t if self.quantized else self.levels.sigma_to_t
        return place(torch.tensor([sigma])).item()

    def denoised(self, x: Tensor, sigma: float, output: Tensor) -> Tensor:
        """The picture in `x`, given the UNet's `output` e for x / √(σ² + 1): x - σ e."""
        return x - sigma * output


@dataclass(frozen=True, slots=True)
class Velocity(Epsilon):
    """The UNet predicts v = √ᾱ noise - √(1 - ᾱ) picture (Salimans & Ho 2022)."""

    def denoised(self, x: Tensor, sigma: float, output: Tensor) -> Tensor:
        """X / (σ² + 1) - σ v / √(σ² + 1)."""
        return x / (sigma**2 + 1) - output * (sigma / (sigma**2 + 1) ** 0.5)


LCM_STRIDE = 20
"""The consistency models were distilled at every 20th time (Luo et al. 2023)."""
LCM_SIGMA_DATA = 0.5
LCM_TIME_SCALE = 10.0


class Consistency:
    """Latent consistency: another model's picture, corrected at its boundary (Luo et al. 2023).

    Attributes:
        levels: the model's own.
        distilled: those at which it was distilled.
    """

    def __init__(self, base: Epsilon) -> None:
        self.base, self.levels = base, base.levels
        self.distilled = NoiseLevels(self.levels.alphas_cumprod[LCM_STRIDE - 1 :: LCM_STRIDE])

    def sigmas(self, steps: int) -> Tensor:
        """Uniform in time between the distilled levels, then 0: (steps + 1,)."""
        last = len(self.distilled.sigmas) - 1
        return append_zero(self.distilled.t_to_sigma(torch.linspace(last, 0, steps)))

    def time(self, sigma: float) -> float:
        """The nearest distilled time."""
        place = self.distilled.nearest_t(torch.tensor([sigma])).item()
        return place * LCM_STRIDE + LCM_STRIDE - 1

    def denoised(self, x: Tensor, sigma: float, output: Tensor) -> Tensor:
        """c_out picture + c_skip x: at time 0 nothing but x."""
        scaled = self.time(sigma) * LCM_TIME_SCALE
        skip = LCM_SIGMA_DATA**2 / (scaled**2 + LCM_SIGMA_DATA**2)
        out = scaled / (scaled**2 + LCM_SIGMA_DATA**2) ** 0.5
        return out * self.base.denoised(x, sigma, output) + skip * x


Parameterization = Epsilon | Consistency
"""What a sampler's noise levels and a UNet's output mean to each other."""


@dataclass(frozen=True, slots=True)
class Inpaint:
    """Where to leave a picture as it was."""

    mask: Tensor
    """(1, 1, h, w): 1 where to paint, 0 where to keep."""
    latent: Tensor
    """(B, C, h, w): what to keep."""

    def blend(self, denoised: Tensor) -> Tensor:
        """`denoised` where to paint, the picture as it was elsewhere."""
        return denoised * self.mask + self.latent * (1 - self.mask)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the UNet's batch."""

    picture: int
    encoded: Encoded
    weight: float = 1.0
    with_image: bool = True
    """Whether it sees the extra channels; pix2pix compares with a row that does not."""


class GuidedModel:
    """A batch of pictures to be denoised; the samplers' `model`.

    Args:
        predictor: runs the UNet.
        parameterization: what its output means.
        conditionings: one for each picture.
        guidance: how to combine prompt and negative prompt.
        image: (B, C', h, w) channels that the UNet takes beside the latent.
        inpaint: what to keep.
        on_call: told the number of each model call that is done, from 1.
    """

    def __init__(
        self,
        predictor: Predictor,
        parameterization: Parameterization,
        conditionings: Sequence[Conditioning],
        guidance: Guidance = GUIDE_AS_USUAL,
        image: Tensor | None = None,
        inpaint: Inpaint | None = None,
        on_call: Callable[[int], None] | None = None,
    ) -> None:
        self.predictor, self.parameterization = predictor, parameterization
        self.conditionings, self.guidance = tuple(conditionings), guidance
        self.image, self.inpaint = image, inpaint
        self.on_call = on_call
        self.calls = 0

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """The samplers' contract: what `x` (B, C, h, w) at the level `sigma` is taken for."""
        parameterization = self.parameterization
        rows, outputs = self._evaluate(x / (sigma**2 + 1) ** 0.5, parameterization.time(sigma))
        denoised = parameterization.denoised(_for_rows(x, rows), sigma, outputs)
        guided, _ = self._combine(rows, denoised, self.guidance.scale)
        return self.inpaint.blend(guided) if self.inpaint else guided

    def noise(self, x: Tensor, t: float) -> Tensor:
        """The timestep samplers' contract: the guided noise in `x`, of unit variance, at `t`."""
        return self._noise(x, t, self.guidance.scale)[0]

    def noise_pair(self, x: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """The guided noise and the unconditional one; CFG++ puts the scale between 0 and 1."""
        return self._noise(x, t, self.guidance.scale / 12.5)

    def _noise(self, x: Tensor, t: float, scale: float) -> tuple[Tensor, Tensor]:
        alpha = self.parameterization.levels.alphas_cumprod[int(t)].item()
        rows, outputs = self._evaluate(x, t)
        if isinstance(self.parameterization, Velocity):
            outputs = alpha**0.5 * outputs + (1 - alpha) ** 0.5 * _for_rows(x, rows)
        guided, unconditional = self._combine(rows, outputs, scale)
        if self.inpaint:
            picture = self.inpaint.blend((x - (1 - alpha) ** 0.5 * guided) / alpha**0.5)
            guided = (x - alpha**0.5 * picture) / (1 - alpha) ** 0.5
        return guided, unconditional

    def _evaluate(self, x: Tensor, t: float) -> tuple[list[Row], Tensor]:
        """Every row of this call, and the UNet's outputs for them: (R, C, h, w)."""
        rows = self._rows()
        predicted: dict[int, Tensor] = {}
        for numbers in self._batches(rows):
            members = [rows[number] for number in numbers]
            outputs = self.predictor(self._inputs(x, members), t, [row.encoded for row in members])
            predicted |= zip(numbers, outputs, strict=True)
        outputs = torch.stack([predicted[number] for number in range(len(rows))])
        self.calls += 1
        if self.on_call:
            self.on_call(self.calls)
        return rows, outputs

    def _rows(self) -> list[Row]:
        """First parts of all pictures, second parts …, then the negatives."""
        most = max(len(c.parts) for c in self.conditionings)
        rows = [
            Row(picture, _at(c.parts[rank][1], self.calls), c.parts[rank][0])
            for rank in range(most)
            for picture, c in enumerate(self.conditionings)
            if rank < len(c.parts)
        ]
        negatives = [
            Row(picture, _at(c.negative, self.calls))
            for picture, c in enumerate(self.conditionings)
        ]
        if self.guidance.image_scale is None:
            return rows + negatives
        blind = [Row(row.picture, row.encoded, with_image=False) for row in negatives]
        return rows + negatives + blind

    def _batches(self, rows: list[Row]) -> list[list[int]]:
        """Rows that can share a call: prompts of one length, so that no neighbor pads another."""
        if self.guidance.apart:
            return [[number] for number in range(len(rows))]
        lengths = [len(row.encoded.context) for row in rows]
        return [
            [number for number, own in enumerate(lengths) if own == length]
            for length in sorted(set(lengths))
        ]

    def _inputs(self, x: Tensor, rows: list[Row]) -> Tensor:
        inputs = _for_rows(x, rows)
        if self.image is None:
            return inputs
        blind = torch.zeros_like(self.image[0])
        image = [self.image[row.picture] if row.with_image else blind for row in rows]
        return torch.cat((inputs, torch.stack(image)), 1)  # (R, C + C', h, w)

    def _combine(self, rows: list[Row], values: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """U + Σ scale w (v - u) for each picture; and u."""
        count = len(self.conditionings)
        if self.guidance.image_scale is None:
            unconditional = combined = values[-count:]
            parts = rows[:-count]
        else:
            unconditional, blind = values[-2 * count : -count], values[-count:]
            combined = blind + self.guidance.image_scale * (unconditional - blind)
            parts = rows[: -2 * count]
        combined = combined.clone()
        for number, row in enumerate(parts):
            difference = values[number] - unconditional[row.picture]
            combined[row.picture] += row.weight * scale * difference
        return combined, unconditional


def _for_rows(x: Tensor, rows: Sequence[Row]) -> Tensor:
    """Each row's picture of `x` (B, …): (R, …)."""
    return torch.stack([x[row.picture] for row in rows])


def _at(scheduled: Scheduled, call: int) -> Encoded:
    """The first entry whose last step is not before `call`, counting from 0 (A1111)."""
    return next((encoded for end, encoded in scheduled if call <= end), scheduled[-1][1])
