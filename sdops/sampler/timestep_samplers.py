"""Samplers on the axis of training times, as DDIM's authors wrote them and A1111 runs them.

Contract: `model(x, t) -> noise`, where `x` (B, C, h, w) is a latent of unit variance at the time
`t` in 0…999 (may be fractional). `times` rise; a sampler walks them from the end, and stops at
the first: as many steps as times, less one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from sdops.sampler.noise import StepNoise
from sdops.sampler.schedule import TIMESTEPS, NoiseLevels

NoiseModel = Callable[[Tensor, float], Tensor]
PairModel = Callable[[Tensor, float], tuple[Tensor, Tensor]]
"""Gives the guided noise and the unconditional one."""
Times = Sequence[int]


def timesteps(steps: int) -> list[int]:
    """The times for `steps` steps, rising; can be more than asked for."""
    return [min(t + 1, TIMESTEPS - 1) for t in range(0, TIMESTEPS, TIMESTEPS // steps)]


def sample_ddim(
    model: NoiseModel,
    x: Tensor,
    times: Times,
    levels: NoiseLevels,
    noise: StepNoise,
    eta: float = 0.0,
) -> Tensor:
    """Denoising diffusion implicit models (Song et al. 2021, arXiv 2010.02502, equation 12)."""

    def guided_twice(x: Tensor, t: float) -> tuple[Tensor, Tensor]:
        predicted = model(x, t)
        return predicted, predicted

    return sample_ddim_cfgpp(guided_twice, x, times, levels, noise, eta)


def sample_ddim_cfgpp(
    model: PairModel,
    x: Tensor,
    times: Times,
    levels: NoiseLevels,
    noise: StepNoise,
    eta: float = 0.0,
) -> Tensor:
    """CFG++: DDIM that noises again with the unconditional noise (Chung et al. 2024)."""
    for t, t_next in _walk(times):
        guided, unconditional = model(x, t)
        a, a_next = _alphas(levels, t, t_next)
        deviation = eta * math.sqrt((1 - a_next) / (1 - a) * (1 - a / a_next))
        picture = (x - math.sqrt(1 - a) * guided) / math.sqrt(a)
        direction = math.sqrt(1 - a_next - deviation**2) * unconditional
        x = math.sqrt(a_next) * picture + direction
        if deviation:
            x = x + deviation * noise(t, t_next)
    return x


ADAMS_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12))
FOURTH_ORDER = (55 / 24, -59 / 24, 37 / 24, -9 / 24)


def sample_plms(model: NoiseModel, x: Tensor, times: Times, levels: NoiseLevels) -> Tensor:
    """Pseudo linear multistep (Liu et al. 2022, arXiv 2202.09778)."""
    older: list[Tensor] = []
    for t, t_next in _walk(times):
        predicted = model(x, t)
        recent = [predicted, *older]
        if older:
            weights = (*ADAMS_BASHFORTH, FOURTH_ORDER)[len(older)]
            combined = sum(w * e for w, e in zip(weights, recent, strict=True))
        else:  # the first step: improved Euler
            ahead = _ddim_step(x, predicted, *_alphas(levels, t, t_next))
            combined = (predicted + model(ahead, t_next)) / 2
        x = _ddim_step(x, combined, *_alphas(levels, t, t_next))
        older = recent[:3]
    return x


def _walk(times: Times) -> list[tuple[int, int]]:
    return list(pairwise(reversed(times)))


def _alphas(levels: NoiseLevels, *times: int) -> tuple[float, ...]:
    return tuple(levels.alphas_cumprod[list(times)].double().tolist())


def _ddim_step(x: Tensor, predicted: Tensor | float, a: float, a_next: float) -> Tensor:
    picture = (x - math.sqrt(1 - a) * predicted) / math.sqrt(a)
    return math.sqrt(a_next) * picture + math.sqrt(1 - a_next) * predicted


UNIPC_ORDER = 3
UNIPC_END = 1 / TIMESTEPS


def sample_unipc(
    model: NoiseModel,
    x: Tensor,
    times: Times,
    levels: NoiseLevels,
    start: float = 1.0,
) -> Tensor:
    """UniPC with B(h) = h, multistep, data prediction (Zhao et al. 2023, arXiv 2302.04867).

    Args:
        model: predicts the noise.
        x: where to start.
        times: only their number counts: the steps are uniform in time.
        levels: the model's noise levels.
        start: the time to start from, 1 for pure noise.
    """
    steps = len(times)
    order = min(UNIPC_ORDER, steps)
    points = torch.linspace(start, UNIPC_END, steps + 1, dtype=torch.float64).tolist()
    marginals = [_marginal(levels, point) for point in points]

    def picture_at(x: Tensor, number: int) -> Tensor:
        alpha, sigma, _ = marginals[number]
        return (x - sigma * model(x, (points[number] - UNIPC_END) * TIMESTEPS)) / alpha

    pictures = [picture_at(x, 0)]
    for k in range(1, steps + 1):
        step_order = min(k, order, steps + 1 - k)
        alpha, sigma, lam = marginals[k]
        _, sigma_before, lam_before = marginals[k - 1]
        h = lam - lam_before
        ratios = [(marginals[k - 1 - i][2] - lam_before) / h for i in range(1, step_order)]
        slopes = [
            (pictures[-1 - i] - pictures[-1]) / ratio for i, ratio in enumerate(ratios, start=1)
        ]
        predictor, corrector = unipc_weights(ratios, h)
        base = sigma / sigma_before * x - alpha * math.expm1(-h) * pictures[-1]
        x = base + alpha * h * _weighted(predictor, slopes)
        if k < steps:
            picture = picture_at(x, k)
            slopes.append(picture - pictures[-1])
            x = base + alpha * h * _weighted(corrector, slopes)
            pictures = [*pictures[1 - UNIPC_ORDER :], picture]
    return x


def unipc_weights(ratios: Sequence[float], h: float) -> tuple[list[float], list[float]]:
    """The predictor's and the corrector's weights for a step of `h` in ln(alpha / sigma).

    Args:
        ratios: where the earlier pictures stand, in steps before this one's start (negative).
        h: the step's length.
    """
    order, hh = len(ratios) + 1, -h
    nodes = np.array([*ratios, 1.0])
    matrix = np.stack([nodes**i for i in range(order)])
    targets, phi, factorial = [], math.expm1(hh) / hh - 1, 1
    for i in range(1, order + 1):
        targets.append(phi * factorial / hh)
        factorial *= i + 1
        phi = phi / hh - 1 / factorial
    corrector = [0.5] if order == 1 else np.linalg.solve(matrix, targets).tolist()
    if order <= 2:
        return [0.5] * (order - 1), corrector
    return np.linalg.solve(matrix[:-1, :-1], targets[:-1]).tolist(), corrector


def _weighted(weights: Sequence[float], terms: Sequence[Tensor]) -> Tensor | float:
    return sum(weight * term for weight, term in zip(weights, terms, strict=True))


def _marginal(levels: NoiseLevels, point: float) -> tuple[float, float, float]:
    """α, σ and ln(α / σ) at `point` in 0…1, where 1 is t = 999; ln α is linear between times."""
    logs = 0.5 * levels.alphas_cumprod.double().log().numpy()
    log_alpha = float(np.interp(point, np.arange(1, TIMESTEPS + 1) / TIMESTEPS, logs))
    sigma = math.sqrt(-math.expm1(2 * log_alpha))
    return math.exp(log_alpha), sigma, log_alpha - math.log(sigma)
