"""Samplers on the noise axis, one function for each published algorithm, named as in k-diffusion.

All share one contract: `model(x, sigma) -> denoised`, where `x` (B, C, h, w) is a latent with
noise of deviation `sigma`, and `denoised` of the same shape is what the model takes it for.
`sigmas` are falling noise levels, the last usually 0. `noise(sigma, sigma_next)` gives unit noise
for a step. Arithmetic on latents is fp32; on levels, Python's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

from sdops.dialect.options import NO_CHURN, Churn
from sdops.sampler.noise import StepNoise
from sdops.sampler.schedule import karras

Denoiser = Callable[[Tensor, float], Tensor]
Levels = Sequence[float]


def churned(
    x: Tensor, sigma: float, steps: int, noise: StepNoise, churn: Churn
) -> tuple[Tensor, float]:
    """`x` raised by `churn` from `sigma` to the level that is returned with it."""
    if not churn.amount:
        return x, sigma
    fresh = noise(sigma, sigma) * churn.scale  # drawn even where unused: keeps seeds in step
    if not churn.lowest <= sigma <= churn.highest:
        return x, sigma
    raised = sigma * (1 + min(churn.amount / steps, 2**0.5 - 1))
    return x + fresh * (raised**2 - sigma**2) ** 0.5, raised


def to_d(x: Tensor, sigma: float, denoised: Tensor) -> Tensor:
    """Dx / dσ of the probability flow (Karras et al. 2022, equation 3)."""
    return (x - denoised) / sigma


def get_ancestral_step(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """To go from `sigma` to `sigma_next`: the level to step down to, and the noise to add back."""
    variance = sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2
    up = min(sigma_next, eta * max(variance, 0.0) ** 0.5)
    return (sigma_next**2 - up**2) ** 0.5, up


def _steps(sigmas: Levels) -> list[tuple[float, float]]:
    return list(pairwise(sigmas))


def sample_euler(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, churn: Churn = NO_CHURN
) -> Tensor:
    """Euler steps (Karras et al. 2022, algorithm 2)."""
    steps = _steps(sigmas)
    for sigma, sigma_next in steps:
        x, raised = churned(x, sigma, len(steps), noise, churn)
        x = x + to_d(x, raised, model(x, raised)) * (sigma_next - raised)
    return x


def sample_euler_ancestral(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, eta: float = 1.0
) -> Tensor:
    """Euler steps further down than asked, then noise back up."""
    for sigma, sigma_next in _steps(sigmas):
        down, up = get_ancestral_step(sigma, sigma_next, eta)
        x = x + to_d(x, sigma, model(x, sigma)) * (down - sigma)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * up
    return x


def sample_heun(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, churn: Churn = NO_CHURN
) -> Tensor:
    """Heun's second-order steps (Karras et al. 2022, algorithm 2)."""
    steps = _steps(sigmas)
    for sigma, sigma_next in steps:
        x, raised = churned(x, sigma, len(steps), noise, churn)
        x = _heun_step(model, x, raised, sigma_next)
    return x


def _heun_step(model: Denoiser, x: Tensor, sigma: float, sigma_next: float) -> Tensor:
    d = to_d(x, sigma, model(x, sigma))
    euler = x + d * (sigma_next - sigma)
    if sigma_next == 0:
        return euler
    d_next = to_d(euler, sigma_next, model(euler, sigma_next))
    return x + (d + d_next) / 2 * (sigma_next - sigma)


def sample_dpm_2(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, churn: Churn = NO_CHURN
) -> Tensor:
    """Midpoint steps on the ln σ axis, after DPM-Solver-2 (Lu et al. 2022)."""
    steps = _steps(sigmas)
    for sigma, sigma_next in steps:
        x, raised = churned(x, sigma, len(steps), noise, churn)
        x = _midpoint_step(model, x, raised, sigma_next)
    return x


def sample_dpm_2_ancestral(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, eta: float = 1.0
) -> Tensor:
    """The same, further down than asked, then noise back up."""
    for sigma, sigma_next in _steps(sigmas):
        down, up = get_ancestral_step(sigma, sigma_next, eta)
        x = _midpoint_step(model, x, sigma, down)
        if down > 0:
            x = x + noise(sigma, sigma_next) * up
    return x


def _midpoint_step(model: Denoiser, x: Tensor, sigma: float, sigma_next: float) -> Tensor:
    d = to_d(x, sigma, model(x, sigma))
    if sigma_next == 0:
        return x - d * sigma
    middle = (sigma * sigma_next) ** 0.5
    half = x + d * (middle - sigma)
    return x + to_d(half, middle, model(half, middle)) * (sigma_next - sigma)


def sample_lms(model: Denoiser, x: Tensor, sigmas: Levels, order: int = 4) -> Tensor:
    """Linear multistep: Adams-Bashforth with uneven steps on the σ axis."""
    slopes: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(_steps(sigmas)):
        slopes = [to_d(x, sigma, model(x, sigma)), *slopes[: order - 1]]
        nodes = [sigmas[i - back] for back in range(len(slopes))]
        weights = linear_multistep_coefficients(nodes, sigma_next)
        x = x + sum(weight * d for weight, d in zip(weights, slopes, strict=True))
    return x


def linear_multistep_coefficients(nodes: Levels, end: float) -> list[float]:
    """∫ of each Lagrange polynomial over `nodes` from the first node to `end`, exactly."""
    start = nodes[0]
    weights = []
    for j, node in enumerate(nodes):
        polynomial = [1.0]  # in powers of (τ - start), so that nothing cancels
        for k, other in enumerate(nodes):
            if k != j:
                shifted = [0.0, *polynomial]
                scaled = [*(c * (start - other) for c in polynomial), 0.0]
                polynomial = [
                    (a + b) / (node - other) for a, b in zip(shifted, scaled, strict=True)
                ]
        powers = enumerate(polynomial, start=1)
        weights.append(sum(c * (end - start) ** power / power for power, c in powers))
    return weights


def sample_dpmpp_2s_ancestral(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, eta: float = 1.0
) -> Tensor:
    """DPM-Solver++(2S) with ancestral noise (Lu et al. 2022, arXiv 2211.01095)."""
    for sigma, sigma_next in _steps(sigmas):
        denoised = model(x, sigma)
        down, up = get_ancestral_step(sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            middle = (sigma * down) ** 0.5
            half = exponential_step(x, denoised, sigma, middle)
            x = exponential_step(x, model(half, middle), sigma, down)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * up
    return x


def exponential_step(x: Tensor, denoised: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Exact if `denoised` did not change: x σ'/σ + (1 - σ'/σ) denoised (DPM-Solver++)."""
    ratio = sigma_next / sigma
    return ratio * x + (1 - ratio) * denoised


def sample_dpmpp_sde(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, eta: float = 1.0
) -> Tensor:
    """DPM-Solver++ for the stochastic equation, two evaluations a step."""
    for sigma, sigma_next in _steps(sigmas):
        denoised = model(x, sigma)
        if sigma_next == 0:
            return denoised
        middle = (sigma * sigma_next) ** 0.5
        down, up = get_ancestral_step(sigma, middle, eta)
        half = exponential_step(x, denoised, sigma, down) + noise(sigma, middle) * up
        down, up = get_ancestral_step(sigma, sigma_next, eta)
        x = exponential_step(x, model(half, middle), sigma, down) + noise(sigma, sigma_next) * up
    return x


def sample_dpmpp_2m(model: Denoiser, x: Tensor, sigmas: Levels) -> Tensor:
    """DPM-Solver++(2M): multistep, one evaluation a step (Lu et al. 2022, arXiv 2211.01095)."""
    old, h_last = None, 0.0
    for sigma, sigma_next in _steps(sigmas):
        denoised = model(x, sigma)
        if sigma_next == 0:
            return denoised
        h = math.log(sigma / sigma_next)
        ahead = denoised if old is None else denoised + (denoised - old) * h / (2 * h_last)
        x = exponential_step(x, ahead, sigma, sigma_next)
        old, h_last = denoised, h
    return x


def sample_dpmpp_2m_sde(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, eta: float = 1.0
) -> Tensor:
    """DPM-Solver++(2M) for the stochastic equation, midpoint form."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, eta, lambda e: -math.expm1(-e) / 2)


def sample_dpmpp_2m_sde_heun(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, eta: float = 1.0
) -> Tensor:
    """DPM-Solver++(2M) for the stochastic equation, Heun's form."""
    return _dpmpp_2m_sde(model, x, sigmas, noise, eta, lambda e: 1 + math.expm1(-e) / e)


def _dpmpp_2m_sde(
    model: Denoiser,
    x: Tensor,
    sigmas: Levels,
    noise: StepNoise,
    eta: float,
    correction: Callable[[float], float],
) -> Tensor:
    old, h_last = None, 0.0
    for sigma, sigma_next in _steps(sigmas):
        denoised = model(x, sigma)
        if sigma_next == 0:
            return denoised
        h = math.log(sigma / sigma_next)
        e = h * (1 + eta)
        x = math.exp(-e) * x - math.expm1(-e) * denoised
        if old is not None:
            x = x + correction(e) * (denoised - old) * (h / h_last)
        x = _add_sde_noise(x, noise, sigma, sigma_next, eta)
        old, h_last = denoised, h
    return x


def _add_sde_noise(
    x: Tensor, noise: StepNoise, sigma: float, sigma_next: float, eta: float
) -> Tensor:
    if not eta:
        return x
    deviation = sigma_next * (-math.expm1(-2 * eta * math.log(sigma / sigma_next))) ** 0.5
    return x + noise(sigma, sigma_next) * deviation


def sample_dpmpp_3m_sde(
    model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise, eta: float = 1.0
) -> Tensor:
    """DPM-Solver++(3M) for the stochastic equation."""
    older: list[tuple[Tensor, float]] = []  # (denoised, length of the step that followed)
    for sigma, sigma_next in _steps(sigmas):
        denoised = model(x, sigma)
        if sigma_next == 0:
            return denoised
        h = math.log(sigma / sigma_next)
        e = h * (1 + eta)
        x = math.exp(-e) * x - math.expm1(-e) * denoised
        phi_2 = math.expm1(-e) / e + 1
        if len(older) == 1:
            ((old, h_old),) = older
            x = x + phi_2 * (denoised - old) * (h / h_old)
        elif older:
            (old, h_old), (oldest, h_oldest) = older
            r0, r1 = h_old / h, h_oldest / h
            first, second = (denoised - old) / r0, (old - oldest) / r1
            bend = (first - second) / (r0 + r1)
            x = x + phi_2 * (first + bend * r0) - (phi_2 / e - 0.5) * bend
        x = _add_sde_noise(x, noise, sigma, sigma_next, eta)
        older = [(denoised, h), *older[:1]]
    return x


RESTART_FROM, RESTART_TO = 0.1, 2.0
"""σ after which to go back, and where to (Xu et al. 2023, table for Stable Diffusion)."""


def sample_restart(model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise) -> Tensor:
    """Heun's steps that go back up and come down again (Xu et al. 2023, arXiv 2306.14878)."""
    last = None
    for sigma, sigma_next in restart_steps(sigmas):
        if last is not None and last < sigma:
            x = x + noise(last, sigma) * (sigma**2 - last**2) ** 0.5
        x = _heun_step(model, x, sigma, sigma_next)
        last = sigma_next
    return x


def restart_steps(sigmas: Levels) -> list[tuple[float, float]]:
    """The steps of `sample_restart`: as many as asked for, some of them a second time."""
    steps = len(sigmas) - 1
    if steps < 20:
        return _steps(sigmas)
    segment, times = (steps // 4, 2) if steps >= 36 else (9, 1)
    base = karras(steps - segment * times, sigmas[-2], sigmas[0]).tolist()
    low, high = (
        min(range(len(base)), key=lambda i: abs(base[i] - level))
        for level in (RESTART_FROM, RESTART_TO)
    )
    plan = _steps(base)
    again = _steps(karras(segment + 1, base[low], base[high]).tolist()[:-1])
    return plan[:low] + (again * times if high < low else []) + plan[low:]


def sample_lcm(model: Denoiser, x: Tensor, sigmas: Levels, noise: StepNoise) -> Tensor:
    """Latent consistency: denoise, then noise to the next level (Luo et al. 2023)."""
    for sigma, sigma_next in _steps(sigmas):
        x = model(x, sigma)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * sigma_next
    return x
