"""Noise levels: the model's own table, and the schedules that choose from it.

A level is σ, the deviation of the noise in a latent of unit variance; t in 0…999 is the same
on the axis that the UNet was trained with. Formulas as in k-diffusion and A1111 1.10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sdops.dialect.samplers import scheduler

TIMESTEPS = 1000
BETA_RANGE = (0.00085, 0.012)
"""The ends of the training schedule, linear in √β (Rombach et al. 2022)."""
TERMINAL_ALPHA = 4.8973451890853435e-08
"""What zero-terminal-SNR puts for the last ᾱ, so that σ stays finite (A1111)."""


class NoiseLevels:
    """The table of the noise levels a model was trained at, and its two inverse look-ups.

    Attributes:
        alphas_cumprod: ᾱ (1000,), fp32: the share of the picture in the variance at each t.
        sigmas: σ (1000,), fp32, rising.
    """

    def __init__(self, alphas_cumprod: Tensor) -> None:
        self.alphas_cumprod = alphas_cumprod
        self.sigmas = ((1 - alphas_cumprod) / alphas_cumprod) ** 0.5
        self.log_sigmas = self.sigmas.log()

    @classmethod
    def scaled_linear(cls) -> NoiseLevels:
        """The schedule of Stable Diffusion 1, 2 and XL."""
        low, high = (beta**0.5 for beta in BETA_RANGE)
        betas = torch.linspace(low, high, TIMESTEPS, dtype=torch.float64) ** 2
        return cls((1 - betas).cumprod(0).float())

    def zero_terminal_snr(self) -> NoiseLevels:
        """The same stretched so that the last level is pure noise (Lin et al. 2023)."""
        roots = self.alphas_cumprod.sqrt()
        first, last = roots[0].clone(), roots[-1].clone()
        alphas = ((roots - last) * (first / (first - last))) ** 2
        alphas[-1] = TERMINAL_ALPHA
        return NoiseLevels(alphas)

    @property
    def sigma_min(self) -> float:
        """The lowest level."""
        return self.sigmas[0].item()

    @property
    def sigma_max(self) -> float:
        """The highest level."""
        return self.sigmas[-1].item()

    def t_to_sigma(self, t: Tensor) -> Tensor:
        """σ at times `t` (any shape, may be fractional): linear in ln σ."""
        t = t.float()
        below, above, share = t.floor().long(), t.ceil().long(), t.frac()
        return ((1 - share) * self.log_sigmas[below] + share * self.log_sigmas[above]).exp()

    def sigma_to_t(self, sigma: Tensor) -> Tensor:
        """The fractional time of each `sigma` (N,), clamped to 0…999."""
        log_sigma = sigma.log()
        above = torch.searchsorted(self.log_sigmas, log_sigma).clamp(1, len(self.sigmas) - 1)
        low, high = self.log_sigmas[above - 1], self.log_sigmas[above]
        share = ((low - log_sigma) / (low - high)).clamp(0, 1)
        return (1 - share) * (above - 1) + share * above

    def nearest_t(self, sigma: Tensor) -> Tensor:
        """The whole time whose level is nearest to each `sigma` (N,) in ln σ."""
        return (sigma.log() - self.log_sigmas[:, None]).abs().argmin(0).float()


@dataclass(frozen=True, slots=True)
class Range:
    """What a schedule is asked for."""

    steps: int
    sigma_min: float
    sigma_max: float
    levels: NoiseLevels
    rho: float | None = None
    """Bend of the Karras and polyexponential schedules; None for each one's own."""
    is_sdxl: bool = False


def append_zero(sigmas: Tensor) -> Tensor:
    """`sigmas` (n,) followed by 0."""
    return torch.cat((sigmas, sigmas.new_zeros(1)))


def get_sigmas_uniform(ask: Range) -> Tensor:
    """Uniform in t; what "Automatic" means for most samplers."""
    times = torch.linspace(len(ask.levels.sigmas) - 1, 0, ask.steps)
    return append_zero(ask.levels.t_to_sigma(times))


def get_sigmas_karras(ask: Range) -> Tensor:
    """Uniform in σ^(1/ρ), ρ = 7 (Karras et al. 2022, equation 5)."""
    return karras(ask.steps, ask.sigma_min, ask.sigma_max, ask.rho or 7.0)


def karras(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """`get_sigmas_karras` between any two levels."""
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return append_zero((high + torch.linspace(0, 1, steps) * (low - high)) ** rho)


def get_sigmas_exponential(ask: Range) -> Tensor:
    """Uniform in ln σ."""
    low, high = math.log(ask.sigma_min), math.log(ask.sigma_max)
    return append_zero(torch.linspace(high, low, ask.steps).exp())


def get_sigmas_polyexponential(ask: Range) -> Tensor:
    """Uniform in (ln σ)^(1/ρ)."""
    low, high = math.log(ask.sigma_min), math.log(ask.sigma_max)
    ramp = torch.linspace(1, 0, ask.steps) ** (ask.rho or 1.0)
    return append_zero(torch.exp(ramp * (high - low) + low))


def get_sigmas_sgm_uniform(ask: Range) -> Tensor:
    """Uniform in t without the last, as in Stability's generative-models."""
    return append_zero(ask.levels.t_to_sigma(_t_ramp(ask, ask.steps + 1)[:-1]))


def get_sigmas_normal(ask: Range) -> Tensor:
    """Uniform in t between the two ends."""
    return append_zero(ask.levels.t_to_sigma(_t_ramp(ask, ask.steps)))


def _t_ramp(ask: Range, points: int) -> Tensor:
    start, end = ask.levels.sigma_to_t(torch.tensor([ask.sigma_max, ask.sigma_min])).tolist()
    return torch.linspace(start, end, points)


def get_sigmas_simple(ask: Range) -> Tensor:
    """Every 1000 / n-th level of the table."""
    picks = [-(1 + int(i * len(ask.levels.sigmas) / ask.steps)) for i in range(ask.steps)]
    return append_zero(ask.levels.sigmas[picks])


def get_sigmas_ddim(ask: Range) -> Tensor:
    """DDIM's times; can be one longer than asked for."""
    stride = max(len(ask.levels.sigmas) // ask.steps, 1)
    return append_zero(ask.levels.sigmas[1::stride].flip(0))


def get_sigmas_kl_optimal(ask: Range) -> Tensor:
    """Uniform in arctan σ (Sabour et al. 2024, "Align Your Steps", theorem 3.1); ends above 0."""
    share = torch.arange(ask.steps + 1, dtype=torch.float32) / ask.steps
    low, high = (torch.atan(torch.tensor(s)) for s in (ask.sigma_min, ask.sigma_max))
    return torch.tan(share * low + (1 - share) * high)


ALIGNED_SD = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
ALIGNED_SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)


def get_sigmas_align_your_steps(ask: Range) -> Tensor:
    """Levels optimized for ten steps, interpolated in ln σ (Sabour et al. 2024)."""
    table = torch.tensor(ALIGNED_SDXL if ask.is_sdxl else ALIGNED_SD, dtype=torch.float64)
    if ask.steps == len(table):
        return append_zero(table.float())
    places = torch.linspace(0, len(table) - 1, ask.steps, dtype=torch.float64)
    below = places.floor().long().clamp(max=len(table) - 2)
    logs, share = table.log(), places - below
    return append_zero(torch.exp((1 - share) * logs[below] + share * logs[below + 1]).float())


def get_sigmas_beta(ask: Range) -> Tensor:
    """Quantiles of the Beta(0.6, 0.6) distribution as σ (Lee et al. 2024)."""
    quantiles = 1 - torch.linspace(0, 1, ask.steps, dtype=torch.float64)
    shares = torch.tensor([beta_quantile(p, 0.6, 0.6) for p in quantiles.tolist()])
    return append_zero((ask.sigma_min + (ask.sigma_max - ask.sigma_min) * shares).float())


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x in 0…1 below which Beta(a, b) has this `probability`, by bisection."""
    low, high = 0.0, 1.0
    while (middle := (low + high) / 2) not in (low, high):
        if beta_cumulative(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return high


def beta_cumulative(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cumulative(1 - x, b, a)
    fraction = 1.0
    for m in range(60, 0, -1):
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        fraction = 1 + even / (1 + odd / fraction)
    first = -(a + b) * x / (a + 1)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta) / a
    return front / (1 + first / fraction)


def sigmas_of(name: str, ask: Range) -> Tensor:
    """The noise levels of the schedule called `name`, falling.

    Raises:
        UsageError: there is no such schedule.
    """
    levels: Tensor = globals()[scheduler(name).function](ask)
    return levels
