"""Running a sampler of the catalog: its levels, its start, its noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from torch import Tensor

from sdops.dialect.options import Sampling
from sdops.dialect.samplers import Axis, Noise, schedule_for
from sdops.errors import UsageError
from sdops.sampler.catalog import function_of
from sdops.sampler.dpm_solver import sample_dpm_adaptive
from sdops.sampler.guidance import Consistency, GuidedModel, Parameterization
from sdops.sampler.noise import PictureNoise
from sdops.sampler.schedule import Range, sigmas_of
from sdops.sampler.timestep_samplers import sample_ddim_cfgpp, sample_plms, sample_unipc, timesteps

MOST_STRENGTH = 0.999
"""A denoising strength of 1 still leaves the last of the picture (A1111)."""


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of a sampler over a batch."""

    sampling: Sampling
    model: GuidedModel
    noise: PictureNoise
    is_sdxl: bool = False

    def from_noise(self) -> Tensor:
        """A latent (B, C, h, w) from nothing but noise."""
        noise = self.noise.first()
        if self.sampling.chosen.axis is Axis.TIMES:
            return self._walk_times(noise, timesteps(self.sampling.steps), 1.0)
        sigmas = self.sigmas(self.sampling.steps)
        high = sigmas[0]
        scale = (1 + high**2) ** 0.5 if self.sampling.sgm_noise_multiplier else high
        if self.sampling.chosen.axis is Axis.ENDS:
            own = self.model.parameterization.levels
            return self._walk_between(
                noise * scale, own.sigma_min, own.sigma_max, self.sampling.steps
            )
        return self._walk_sigmas(noise * scale, sigmas)

    def from_latent(self, latent: Tensor, strength: float, steps: int | None = None) -> Tensor:
        """`latent` (B, C, h, w) noised by `strength` in 0…1 and denoised.

        Args:
            latent: where to start.
            strength: how much of it to forget.
            steps: how many steps to take; None for `strength` of the steps asked for.
        """
        strength = min(strength, MOST_STRENGTH)
        if steps is None:
            total = self.sampling.steps
            start = int(strength * total)
        elif strength <= 0:
            return latent
        else:
            total, start = int(steps / strength), steps - 1
        noise = self.noise.first()
        if self.sampling.chosen.axis is Axis.TIMES:
            times = timesteps(total)
            alpha = self.model.parameterization.levels.alphas_cumprod[times[start]].item()
            x = alpha**0.5 * latent + (1 - alpha) ** 0.5 * noise
            times = times[:start]
            return self._walk_times(x, times, (times[-1] + 1) / 1000 if times else 0.0)
        sigmas = self.sigmas(total)[total - start - 1 :]
        x = latent + noise * sigmas[0]
        if self.sampling.chosen.axis is Axis.ENDS:
            return self._walk_between(x, sigmas[-2], sigmas[0], len(sigmas) - 1)
        return self._walk_sigmas(x, sigmas)

    def sigmas(self, steps: int) -> list[float]:
        """The noise levels for `steps` steps, falling, usually to 0."""
        chosen, parameterization = self.sampling.chosen, self.model.parameterization
        discard = chosen.discard_penultimate or self.sampling.always_discard
        asked = steps + 1 if discard else steps
        name = schedule_for(chosen, self.sampling.scheduler)
        if isinstance(parameterization, Consistency) and name == "automatic":
            sigmas = parameterization.sigmas(asked)
        else:
            sigmas = sigmas_of(name, self._range(asked, parameterization))
        levels: list[float] = sigmas.tolist()
        if not all(high > low for high, low in pairwise(levels)):
            raise UsageError(
                "The schedule's settings give noise levels that do not fall.",
                "Change its type, min sigma, max sigma or rho, or take fewer steps.",
            )
        return levels[:-2] + levels[-1:] if discard else levels

    def _range(self, steps: int, parameterization: Parameterization) -> Range:
        levels = parameterization.levels
        if isinstance(parameterization, Consistency):
            levels = parameterization.distilled
        return Range(
            steps=steps,
            sigma_min=self.sampling.sigma_min or levels.sigma_min,
            sigma_max=self.sampling.sigma_max or levels.sigma_max,
            levels=levels,
            rho=self.sampling.rho or None,
            is_sdxl=self.is_sdxl,
        )

    def _walk_sigmas(self, x: Tensor, sigmas: Sequence[float]) -> Tensor:
        chosen = self.sampling.chosen
        time = self.model.parameterization.time
        self.model.predictor.times = tuple(time(sigma) for sigma in sigmas if sigma > 0)
        walk = partial(function_of(chosen), self.model, x, sigmas)
        if chosen.noise is Noise.CHURN:
            return walk(self.noise.step, churn=self.sampling.churn)
        if chosen.noise is Noise.BROWNIAN:
            lowest = min(sigma for sigma in sigmas if sigma > 0)
            walk = partial(walk, self.noise.brownian(lowest, sigmas[0]))
        elif chosen.noise is Noise.STEPS:
            walk = partial(walk, self.noise.step)
        return walk(**self._eta(1.0))

    def _walk_between(self, x: Tensor, low: float, high: float, steps: int) -> Tensor:
        function = function_of(self.sampling.chosen)
        count = () if function is sample_dpm_adaptive else (steps,)
        return function(self.model, x, low, high, *count, noise=self.noise.step, **self._eta(1.0))

    def _walk_times(self, x: Tensor, times: Sequence[int], start: float) -> Tensor:
        function, levels = function_of(self.sampling.chosen), self.model.parameterization.levels
        if not times:
            return x
        if function is sample_unipc:
            return sample_unipc(self.model.noise, x, times, levels, start)
        self.model.predictor.times = tuple(times[1:])
        if function is sample_plms:
            return sample_plms(self.model.noise, x, times, levels)
        is_pair = function is sample_ddim_cfgpp
        model = self.model.noise_pair if is_pair else self.model.noise
        return function(model, x, times, levels, self.noise.step, **self._eta(0.0))

    def _eta(self, own: float) -> dict[str, float]:
        if not self.sampling.chosen.takes_eta:
            return {}
        return {"eta": own if self.sampling.eta is None else self.sampling.eta}
