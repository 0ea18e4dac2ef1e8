"""Samplers take the same path as k-diffusion's, and find the exact solution where there is one."""

from __future__ import annotations

import math

import pytest
import torch

from sdops.dialect.options import Churn
from sdops.dialect.samplers import SAMPLERS, sampler, split_scheduler
from sdops.errors import UsageError
from sdops.sampler import dpm_solver, samplers
from sdops.sampler.schedule import karras

from .oracles import k_diffusion, relative_error

STEPS = (1, 2, 3, 6, 10)


def model(x, sigma):
    """A denoiser with a mind of its own: smooth, not linear, different at each level."""
    sigma = torch.as_tensor(sigma, dtype=x.dtype).reshape(-1, *(1,) * (x.ndim - 1))[:1]
    return torch.tanh(x / (1 + sigma)) * (0.8 + 0.2 * torch.cos(sigma)) + 0.05 * x / (1 + sigma**2)


class Draws:
    """The same noise for both: the n-th draw depends on n alone."""

    def __init__(self, shape):
        self.generator = torch.Generator().manual_seed(11)
        self.shape = shape
        self.asked = []

    def __call__(self, sigma=None, sigma_next=None):
        self.asked.append((sigma, sigma_next))
        return torch.randn(self.shape, generator=self.generator)


@pytest.fixture
def x():
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(4)) * 14.6


def both(name, x, sigmas, *, noise=False, **options):
    """Our result and k-diffusion's."""
    ours = getattr(samplers, name)
    theirs = getattr(k_diffusion("sampling"), name)
    noises = [Draws(x.shape), Draws(x.shape)]
    extra = {"noise_sampler": noises[1]} if noise else {}
    own = (noises[0],) if noise else ()
    return (
        ours(model, x, sigmas.tolist(), *own, **options),
        theirs(model, x, sigmas.double(), disable=True, **extra, **options),
    )


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", ["sample_lms", "sample_dpmpp_2m"])
def test_without_noise(name, steps, x):
    ours, theirs = both(name, x, karras(steps, 0.03, 14.6))
    assert relative_error(ours, theirs) < 1e-4


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize(
    "name",
    [
        "sample_euler_ancestral",
        "sample_dpm_2_ancestral",
        "sample_dpmpp_2s_ancestral",
        "sample_dpmpp_sde",
        "sample_dpmpp_2m_sde",
        "sample_dpmpp_3m_sde",
    ],
)
def test_with_noise(name, steps, eta, x):
    if steps == 1 and "m_sde" in name:
        pytest.skip("k-diffusion's own code cannot take a single step")
    ours, theirs = both(name, x, karras(steps, 0.03, 14.6), noise=True, eta=eta)
    assert relative_error(ours, theirs) < 1e-4


@pytest.mark.parametrize("steps", STEPS[1:])
def test_2m_sde_heun(steps, x):
    noises = [Draws(x.shape), Draws(x.shape)]
    sigmas = karras(steps, 0.03, 14.6)
    ours = samplers.sample_dpmpp_2m_sde_heun(model, x, sigmas.tolist(), noises[0])
    theirs = k_diffusion("sampling").sample_dpmpp_2m_sde(
        model, x, sigmas, disable=True, noise_sampler=noises[1], solver_type="heun"
    )
    assert relative_error(ours, theirs) < 1e-4
    assert [len(noise.asked) for noise in noises] == [steps - 1] * 2


@pytest.mark.parametrize("name", ["sample_euler", "sample_heun", "sample_dpm_2"])
@pytest.mark.parametrize(
    "churn", [Churn(), Churn(3.0), Churn(40.0, 0.5, 9.0, 1.003)], ids=["none", "some", "most"]
)
def test_with_churn(name, churn, x, monkeypatch):
    """k-diffusion draws at every step, whether it churns or not: so must we."""
    sigmas, noises = karras(10, 0.03, 14.6), [Draws(x.shape), Draws(x.shape)]
    oracle = k_diffusion("sampling")
    monkeypatch.setattr(oracle.torch, "randn_like", lambda _: noises[1]())
    theirs = getattr(oracle, name)(
        model, x, sigmas, disable=True, s_churn=churn.amount, s_tmin=churn.lowest,
        s_tmax=churn.highest, s_noise=churn.scale,
    )  # fmt: skip
    ours = getattr(samplers, name)(model, x, sigmas.tolist(), noises[0], churn=churn)
    assert relative_error(ours, theirs) < 1e-4


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 12, 20])
def test_dpm_fast(n, eta, x):
    noises = [Draws(x.shape), Draws(x.shape)]
    ours = dpm_solver.sample_dpm_fast(model, x, 0.03, 14.6, n, noises[0], eta)
    theirs = k_diffusion("sampling").sample_dpm_fast(
        model, x, 0.03, 14.6, n, disable=True, eta=eta, noise_sampler=noises[1]
    )
    assert relative_error(ours, theirs) < 1e-4


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_dpm_adaptive(eta, x):
    noises = [Draws(x.shape), Draws(x.shape)]
    ours = dpm_solver.sample_dpm_adaptive(model, x, 0.03, 14.6, noises[0], eta)
    theirs = k_diffusion("sampling").sample_dpm_adaptive(
        model, x, 0.03, 14.6, disable=True, eta=eta, noise_sampler=noises[1]
    )
    assert relative_error(ours, theirs) < 1e-4
    assert len(noises[0].asked) == len(noises[1].asked)


def gaussian(x, sigma):
    """The exact denoiser of data with unit variance, whose path is known: x ∝ √(1 + σ²)."""
    return x / (1 + sigma**2)


ORDERS = {
    "sample_euler": 1, "sample_heun": 2, "sample_dpm_2": 2, "sample_lms": 3,
    "sample_dpmpp_2m": 2, "sample_dpmpp_2m_sde": 2, "sample_dpmpp_2m_sde_heun": 2,
    "sample_dpmpp_3m_sde": 2, "sample_restart": 2, "sample_euler_ancestral": 1,
    "sample_dpm_2_ancestral": 2, "sample_dpmpp_2s_ancestral": 2, "sample_dpmpp_sde": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_order_of_convergence(name):
    """Twice the steps, 2^order times nearer to the exact solution; written by no one's code."""
    function = getattr(samplers, name)
    start, end, x = 10.0, 0.1, torch.ones(1, 1, 1, 1, dtype=torch.float64)
    exact = math.sqrt((1 + end**2) / (1 + start**2))

    def error(steps):
        sigmas = torch.logspace(math.log10(start), math.log10(end), steps + 1).double().tolist()
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        options = {"noise": lambda *_: torch.zeros_like(x)} if "noise" in names else {}
        if "eta" in names:
            options["eta"] = 0.0
        return abs(function(gaussian, x, sigmas, **options).item() - exact) / exact

    coarse, fine = (9, 18) if name == "sample_restart" else (32, 64)
    assert math.log2(error(coarse) / error(fine)) > ORDERS[name] - 0.35


def test_restart_goes_back_up():
    """Each plan of A1111's table: below 20 steps plain; 9 more from 20; a quarter twice from 36."""
    sigmas = karras(10, 0.03, 14.6).tolist()
    assert samplers.restart_steps(sigmas) == list(zip(sigmas, sigmas[1:]))
    for steps, segment, times in ((20, 9, 1), (30, 9, 1), (36, 9, 2), (60, 15, 2)):
        sigmas = karras(steps, 0.03, 14.6).tolist()
        plan = samplers.restart_steps(sigmas)
        base = karras(steps - segment * times, sigmas[-2], sigmas[0]).tolist()
        assert len(plan) == steps
        jumps = [i for i in range(1, steps) if plan[i][0] > plan[i - 1][1]]
        assert len(jumps) == times
        low = min(base, key=lambda level: abs(level - 0.1))
        high = min(base, key=lambda level: abs(level - 2.0))
        for jump in jumps:
            assert plan[jump - 1][1] == pytest.approx(low, rel=1e-5)
            again = karras(segment + 1, low, high).tolist()
            climbed = [level for level, _ in plan[jump : jump + segment]]
            assert climbed == pytest.approx(again[:segment], rel=1e-5)


def test_restart_adds_the_noise_of_the_jump(x):
    """With a model that sees nothing but zero, a step from s to s' scales x by s' / s."""
    noise, sigmas = Draws(x.shape), karras(20, 0.03, 14.6).tolist()
    ours = samplers.sample_restart(lambda x, _: torch.zeros_like(x), x, sigmas[:-1] + [0.01], noise)
    ((low, high),) = noise.asked
    raised = x * (low / 14.6) + Draws(x.shape)() * math.sqrt(high**2 - low**2)
    plan = samplers.restart_steps(sigmas[:-1] + [0.01])
    last = next(end for _, end in reversed(plan) if end > 0)
    assert ours.abs().max() < 1e-6  # the plan ends at 0, whatever it was given
    seen = {}

    def watch(x, sigma):
        seen[sigma] = x
        return torch.zeros_like(x)

    samplers.sample_restart(watch, x, sigmas, Draws(x.shape))
    assert relative_error(seen[last], raised * (last / high)) < 1e-5


def test_lcm(x):
    noise = Draws(x.shape)
    sigmas = [14.6, 5.0, 1.0, 0.0]
    ours = samplers.sample_lcm(model, x, sigmas, noise)
    draws, expected = Draws(x.shape), x
    for sigma, sigma_next in ((14.6, 5.0), (5.0, 1.0)):
        expected = model(expected, sigma) + sigma_next * draws()
    assert relative_error(ours, model(expected, 1.0)) < 1e-6
    assert len(noise.asked) == 2


def test_sde_samplers_ask_the_brownian_path_for_each_step(x):
    noise, sigmas = Draws(x.shape), [14.6, 5.0, 1.0, 0.0]
    samplers.sample_dpmpp_sde(model, x, sigmas, noise)
    middles = [math.sqrt(14.6 * 5), math.sqrt(5)]
    assert [tuple(map(pytest.approx, pair)) for pair in (
        (14.6, middles[0]), (14.6, 5.0), (5.0, middles[1]), (5.0, 1.0)
    )] == noise.asked  # fmt: skip


def test_catalog_has_every_sampler_of_the_table():
    table = {
        "Euler": "automatic", "Euler a": "automatic", "Heun": "automatic", "LMS": "automatic",
        "DPM2": "karras", "DPM2 a": "karras", "DPM++ 2S a": "karras", "DPM++ 2M": "karras",
        "DPM++ SDE": "karras", "DPM++ 2M SDE": "exponential", "DPM++ 2M SDE Heun": "exponential",
        "DPM++ 3M SDE": "exponential", "DPM fast": "automatic", "DPM adaptive": "automatic",
        "Restart": "karras", "DDIM": "automatic", "DDIM CFG++": "automatic", "PLMS": "automatic",
        "UniPC": "automatic", "LCM": "automatic",
    }  # fmt: skip
    assert {known.label: known.scheduler for known in SAMPLERS} == table
    second = {"Heun", "DPM2", "DPM2 a", "DPM++ 2S a", "DPM++ SDE", "Restart"}
    assert {known.label for known in SAMPLERS if known.second_order} == second
    discard = {"DPM2", "DPM2 a", "DPM++ 3M SDE"}
    assert {known.label for known in SAMPLERS if known.discard_penultimate} == discard


def test_names_and_suggestions():
    assert sampler("euler A").label == "Euler a"
    assert sampler("k_dpmpp_2m").label == sampler("sample_dpmpp_2m").label == "DPM++ 2M"
    assert split_scheduler("DPM++ 2M Karras") == ("DPM++ 2M", "Karras")
    assert split_scheduler("Euler a") == ("Euler a", None)
    with pytest.raises(UsageError) as caught:
        sampler("DPM+ 2M")
    assert "DPM++ 2M" in caught.value.hint
