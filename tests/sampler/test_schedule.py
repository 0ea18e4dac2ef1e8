"""Noise levels and schedules agree with k-diffusion's, scipy's and the published tables."""

from __future__ import annotations

import math

import pytest
import torch

from sdops.dialect.samplers import SCHEDULERS, scheduler
from sdops.errors import UsageError
from sdops.sampler import schedule
from sdops.sampler.schedule import NoiseLevels, Range, sigmas_of

from .oracles import k_diffusion, relative_error

STEPS = (1, 2, 3, 7, 10, 11, 20, 30, 50, 150)


@pytest.fixture(scope="module")
def levels():
    return NoiseLevels.scaled_linear()


def ask(levels, steps, **more):
    return Range(steps, levels.sigma_min, levels.sigma_max, levels, **more)


def theirs(levels):
    external = k_diffusion("external")
    return external.DiscreteEpsDDPMDenoiser(None, levels.alphas_cumprod, quantize=False)


def test_levels_are_those_published(levels):
    assert levels.sigma_min == pytest.approx(0.029167, abs=1e-6)
    assert levels.sigma_max == pytest.approx(14.614643, abs=2e-6)


def test_times_and_levels_as_in_k_diffusion(levels):
    oracle = theirs(levels)
    t = torch.linspace(0, 999, 4321)
    assert torch.equal(levels.t_to_sigma(t), oracle.t_to_sigma(t))
    sigmas = torch.cat((torch.linspace(0.01, 20, 997), levels.sigmas))
    torch.testing.assert_close(
        levels.sigma_to_t(sigmas), oracle.sigma_to_t(sigmas), atol=1e-3, rtol=0
    )
    assert torch.equal(levels.nearest_t(sigmas), oracle.sigma_to_t(sigmas, quantize=True).float())


@pytest.mark.parametrize("steps", STEPS)
def test_schedules_of_k_diffusion(levels, steps):
    sampling, low, high = k_diffusion("sampling"), levels.sigma_min, levels.sigma_max
    for ours, expected in (
        (schedule.get_sigmas_uniform(ask(levels, steps)), theirs(levels).get_sigmas(steps)),
        (
            schedule.get_sigmas_karras(ask(levels, steps)),
            sampling.get_sigmas_karras(steps, low, high),
        ),
        (
            schedule.get_sigmas_karras(ask(levels, steps, rho=3.0)),
            sampling.get_sigmas_karras(steps, low, high, rho=3.0),
        ),
        (
            schedule.get_sigmas_exponential(ask(levels, steps)),
            sampling.get_sigmas_exponential(steps, low, high),
        ),
        (
            schedule.get_sigmas_polyexponential(ask(levels, steps)),
            sampling.get_sigmas_polyexponential(steps, low, high),
        ),
        (
            schedule.get_sigmas_polyexponential(ask(levels, steps, rho=2.0)),
            sampling.get_sigmas_polyexponential(steps, low, high, rho=2.0),
        ),
    ):
        assert relative_error(ours, expected) < 2e-6


@pytest.mark.parametrize("steps", STEPS)
def test_schedules_of_the_specification(levels, steps):
    """The remaining rows of A1111's table, written out in float64 from their formulas."""
    sigma, low, high = levels.sigmas.double(), levels.sigma_min, levels.sigma_max
    logs = sigma.log()

    def at(t):
        below = min(int(t), 998)
        return math.exp(logs[below] + (t - below) * (logs[below + 1] - logs[below]))

    stride = max(1000 // steps, 1)
    last = max(steps - 1, 1)
    expected = {
        "sgm_uniform": [at(999 - 999 * i / steps) for i in range(steps)] + [0],
        "normal": [at(999 - 999 * i / last) for i in range(steps)] + [0],
        "simple": [sigma[999 - i * 1000 // steps].item() for i in range(steps)] + [0],
        "ddim": [sigma[i].item() for i in range(1, 1000, stride)][::-1] + [0],
        "kl_optimal": [
            math.tan(i / steps * math.atan(low) + (1 - i / steps) * math.atan(high))
            for i in range(steps + 1)
        ],
    }
    for name, values in expected.items():
        ours = sigmas_of(name, ask(levels, steps))
        assert relative_error(ours, torch.tensor(values)) < 2e-6, name


@pytest.mark.parametrize("steps", [2, 5, 10, 20, 33])
def test_beta_quantiles_as_in_scipy(levels, steps):
    stats = pytest.importorskip("scipy.stats")
    shares = torch.tensor(stats.beta.ppf([1 - i / (steps - 1) for i in range(steps)], 0.6, 0.6))
    expected = levels.sigma_min + (levels.sigma_max - levels.sigma_min) * shares
    ours = schedule.get_sigmas_beta(ask(levels, steps))
    assert relative_error(ours, schedule.append_zero(expected)) < 2e-6


def test_align_your_steps(levels):
    table = schedule.get_sigmas_align_your_steps(ask(levels, 11)).tolist()
    assert table == pytest.approx([*schedule.ALIGNED_SD, 0], rel=1e-6)
    table = schedule.get_sigmas_align_your_steps(ask(levels, 11, is_sdxl=True)).tolist()
    assert table == pytest.approx([*schedule.ALIGNED_SDXL, 0], rel=1e-6)
    doubled = schedule.get_sigmas_align_your_steps(ask(levels, 21)).tolist()
    assert doubled[::2][:10] == pytest.approx(schedule.ALIGNED_SD[:10], rel=1e-6)
    between = [math.sqrt(a * b) for a, b in zip(schedule.ALIGNED_SD, schedule.ALIGNED_SD[1:])]
    assert doubled[1::2] == pytest.approx([*between, 0], rel=1e-6)


def test_published_tables():
    """Six digits of the tables that Karras et al. and NVIDIA publish for 10 steps on SD."""
    levels = NoiseLevels.scaled_linear()
    ours = schedule.get_sigmas_karras(ask(levels, 10)).tolist()
    # (14.6146^(1/7) + i/9 (0.0291675^(1/7) - 14.6146^(1/7)))^7, by hand for i = 3 and 9
    high, low = 14.614643 ** (1 / 7), 0.0291675 ** (1 / 7)
    assert ours[3] == pytest.approx((high + 3 / 9 * (low - high)) ** 7, rel=1e-5)
    assert ours[9] == pytest.approx(0.0291675, rel=1e-5)
    assert len(ours) == 11
    assert ours[10] == 0


def test_lengths():
    levels = NoiseLevels.scaled_linear()
    assert len(schedule.get_sigmas_ddim(ask(levels, 30))) == 32  # one more than asked for
    for known in SCHEDULERS:
        sigmas = sigmas_of(known.name, ask(levels, 20)).tolist()
        assert len(sigmas) == 21
        assert sigmas == sorted(sigmas, reverse=True)
        assert (sigmas[-1] == 0) == (known.name != "kl_optimal")


def test_zero_terminal_snr(levels):
    """The first level stays, the last has no picture left, and √ᾱ keeps its shape between."""
    stretched = levels.zero_terminal_snr()
    before, after = levels.alphas_cumprod.double().sqrt(), stretched.alphas_cumprod.double().sqrt()
    assert after[0].item() == pytest.approx(before[0].item(), rel=1e-6)
    assert stretched.alphas_cumprod[-1].item() == pytest.approx(4.8973451890853435e-08, rel=1e-6)
    slope = (after[1:-1] - after[0]) / (before[1:-1] - before[0])
    torch.testing.assert_close(slope, slope[:1].expand_as(slope), rtol=1e-3, atol=0)
    assert stretched.sigma_max == pytest.approx(4518.7, rel=1e-3)


def test_names_and_suggestions():
    assert scheduler("Karras") is scheduler("karras")
    assert scheduler("sgm uniform").name == "sgm_uniform"
    with pytest.raises(UsageError) as caught:
        scheduler("karas")
    assert "karras" in caught.value.hint.lower()
