"""DPM-Solver with single steps of order 1, 2 and 3 (Lu et al. 2022, arXiv 2206.00927).

Time is T = -ln σ; e(x, σ) = (x - denoised) / σ is the predicted noise. Contract as in `samplers`.
"""

from __future__ import annotations

import math

from torch import Tensor

from sdops.sampler.noise import StepNoise
from sdops.sampler.samplers import Denoiser, get_ancestral_step, to_d

H_INIT, RTOL, ATOL, ACCEPT_SAFETY = 0.05, 0.05, 0.0078, 0.81
"""The adaptive sampler's first step, tolerances, and least growth to accept a step."""


def _sigma(time: float) -> float:
    return math.exp(-time)


class _Step:
    """One step between two times; the orders share their evaluations."""

    def __init__(self, model: Denoiser, x: Tensor, start: float, end: float) -> None:
        self.model, self.x, self.start, self.h = model, x, start, end - start
        self.sigma_end = _sigma(end)
        self.e0 = to_d(x, _sigma(start), model(x, _sigma(start)))
        self.euler = x - self.sigma_end * math.expm1(self.h) * self.e0

    def first_order(self) -> Tensor:
        """DPM-Solver-1."""
        return self.euler

    def noise_at(self, ratio: float, bend: Tensor | float = 0.0) -> Tensor:
        """The noise predicted at `ratio` of the step, from a first-order step plus `bend`."""
        sigma = _sigma(self.start + ratio * self.h)
        u = self.x - sigma * (math.expm1(ratio * self.h) * self.e0 + bend)
        return to_d(u, sigma, self.model(u, sigma))

    def second_order(self, ratio: float = 1 / 2) -> Tensor:
        """DPM-Solver-2, evaluated at `ratio` of the step."""
        return self.from_second(ratio, self.noise_at(ratio))

    def from_second(self, ratio: float, e1: Tensor) -> Tensor:
        """DPM-Solver-2 with its second evaluation given."""
        return self.euler - self.sigma_end / (2 * ratio) * math.expm1(self.h) * (e1 - self.e0)

    def third_order(self, e1: Tensor | None = None) -> Tensor:
        """DPM-Solver-3, evaluated at thirds of the step; `e1` is the first if already known."""
        h, r1, r2 = self.h, 1 / 3, 2 / 3
        e1 = self.noise_at(r1) if e1 is None else e1
        bend = (r2 / r1) * (math.expm1(r2 * h) / (r2 * h) - 1) * (e1 - self.e0)
        e2 = self.noise_at(r2, bend)
        return self.euler - self.sigma_end / r2 * (math.expm1(h) / h - 1) * (e2 - self.e0)


def _ancestral(start: float, end: float, last: float, eta: float) -> tuple[float, float]:
    """The time to step to on the way from `start` to `end`, and the noise to add back."""
    down, _ = get_ancestral_step(_sigma(start), _sigma(end), eta)
    target = min(last, -math.log(down)) if down > 0 else last
    return target, max(_sigma(end) ** 2 - _sigma(target) ** 2, 0.0) ** 0.5


def sample_dpm_fast(
    model: Denoiser,
    x: Tensor,
    sigma_min: float,
    sigma_max: float,
    n: int,
    noise: StepNoise,
    eta: float = 1.0,
) -> Tensor:
    """DPM-Solver-fast: `n` evaluations, third order as far as they go."""
    first, last = -math.log(sigma_max), -math.log(sigma_min)
    segments = n // 3 + 1
    tail = [2, 1] if n % 3 == 0 else [n % 3]
    orders = [3] * (segments - len(tail)) + tail
    for i, order in enumerate(orders):
        start, end = (first + (last - first) * j / segments for j in (i, i + 1))
        target, up = _ancestral(start, end, last, eta)
        step = _Step(model, x, start, target)
        x = (step.first_order, step.second_order, step.third_order)[order - 1]()
        x = x + noise(_sigma(start), _sigma(end)) * up
    return x


def sample_dpm_adaptive(
    model: Denoiser,
    x: Tensor,
    sigma_min: float,
    sigma_max: float,
    noise: StepNoise,
    eta: float = 1.0,
) -> Tensor:
    """DPM-Solver of orders 2 and 3, whose difference chooses the step size."""
    now, last = -math.log(sigma_max), -math.log(sigma_min)
    h, x_before = H_INIT, x
    while now < last - 1e-5:
        end = min(last, now + h)
        target, up = _ancestral(now, end, last, eta)
        step = _Step(model, x, now, target)
        e1 = step.noise_at(1 / 3)
        low, high = step.from_second(1 / 3, e1), step.third_order(e1)
        scale = (RTOL * low.abs().maximum(x_before.abs())).clamp(min=ATOL)
        error = ((low - high) / scale).square().mean().sqrt().item()
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / (1.5 if eta else 3)) - 1)
        h *= factor
        if factor >= ACCEPT_SAFETY:
            x_before, x = low, high + noise(_sigma(now), _sigma(end)) * up
            now = end
    return x
