"""DDIM, PLMS and UniPC agree with diffusers' steps, or with the exact solution."""

from __future__ import annotations

import math

import pytest
import torch

from sdops.sampler import timestep_samplers as samplers
from sdops.sampler.schedule import NoiseLevels

from .oracles import relative_error


@pytest.fixture(scope="module")
def levels():
    return NoiseLevels.scaled_linear()


@pytest.fixture
def x():
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(4)).double()


def model(x, t):
    return torch.tanh(x) * (0.6 + 0.3 * math.cos(t / 200)) + 0.1


def scheduler(name, levels, **options):
    diffusers = pytest.importorskip("diffusers")
    made = getattr(diffusers, name)(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **options
    )
    made.alphas_cumprod = levels.alphas_cumprod.double()
    return made


def test_times():
    assert samplers.timesteps(20)[:3] == [1, 51, 101]
    assert samplers.timesteps(20)[-1] == 951
    assert len(samplers.timesteps(30)) == 31
    assert samplers.timesteps(1000)[-2:] == [999, 999]
    assert samplers.timesteps(1) == [1]


@pytest.mark.parametrize("eta", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("steps", [4, 20])
def test_ddim(steps, eta, x, levels):
    times = samplers.timesteps(steps)
    seen, draws = [], [torch.randn_like(x) for _ in times]
    noise = iter(draws)

    def watched(x, t):
        seen.append(t)
        return model(x, t)

    ours = samplers.sample_ddim(watched, x, times, levels, lambda *_: next(noise), eta)
    assert seen == times[:0:-1]  # the first time is where it ends
    oracle, expected = scheduler("DDIMScheduler", levels, clip_sample=False), x
    oracle.set_timesteps(steps)
    for (t, t_next), draw in zip(zip(times[:0:-1], times[-2::-1]), draws):
        oracle.num_inference_steps = 1
        oracle.config.num_train_timesteps = t - t_next  # the step that diffusers will take
        expected = oracle.step(
            model(expected, t), t, expected, eta=eta, variance_noise=draw
        ).prev_sample
    assert relative_error(ours, expected) < 1e-6


def test_ddim_cfgpp_noises_again_with_the_unconditional_noise(x, levels):
    times = samplers.timesteps(2)

    def pair(x, t):
        return model(x, t), 0.5 * model(x, t)

    ours = samplers.sample_ddim_cfgpp(pair, x, times, levels, lambda *_: x)
    a, a_next = levels.alphas_cumprod[[501, 1]].double()
    picture = (x - (1 - a).sqrt() * model(x, 501)) / a.sqrt()
    assert (
        relative_error(ours, a_next.sqrt() * picture + (1 - a_next).sqrt() * 0.5 * model(x, 501))
        < 1e-6
    )


@pytest.mark.parametrize("steps", [4, 5, 10, 20])
def test_plms(steps, x, levels):
    """diffusers' PNDM without Runge-Kutta warm-up is PLMS, on times of its own."""
    times = samplers.timesteps(steps)
    oracle = scheduler("PNDMScheduler", levels, skip_prk_steps=True, steps_offset=1)
    oracle.set_timesteps(steps)
    assert sorted(set(oracle.timesteps.tolist())) == times
    expected = x
    for t in oracle.timesteps.tolist()[:-1]:  # A1111 ends at the first time, not below it
        expected = oracle.step(model(expected, t), t, expected).prev_sample
    ours = samplers.sample_plms(model, x, times, levels)
    assert relative_error(ours, expected) < 1e-5


def gaussian(levels):
    """The exact noise model of data with deviation ½, whose path is x ∝ √(ᾱ/4 + 1 - ᾱ)."""

    def predict(x, t):
        log_alpha, sigma = marginal(levels, t)
        return x * sigma / (math.exp(2 * log_alpha) / 4 + sigma**2)

    return predict


def marginal(levels, t):
    """ln α and σ at the fractional time t; ln α is linear between times."""
    logs = 0.5 * levels.alphas_cumprod.double().log()
    below = min(int(t), 998)
    log_alpha = (logs[below] + (t - below) * (logs[below + 1] - logs[below])).item()
    return log_alpha, math.sqrt(-math.expm1(2 * log_alpha))


def deviation(levels, t):
    log_alpha, sigma = marginal(levels, t)
    return math.sqrt(math.exp(2 * log_alpha) / 4 + sigma**2)


@pytest.mark.parametrize("name", ["sample_ddim", "sample_plms", "sample_unipc"])
def test_more_steps_come_nearer_to_the_exact_solution(name, levels):
    """Written by no one's code: the path of Gaussian data is known."""
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)

    def error(steps):
        times = samplers.timesteps(steps)
        first, last = times[-1], times[0]
        extra = (lambda *_: x,) if name == "sample_ddim" else ()
        if name == "sample_unipc":
            first, last = 999.0, 0.0
        found = getattr(samplers, name)(gaussian(levels), x, times, levels, *extra)
        return abs(found.item() / (deviation(levels, last) / deviation(levels, first)) - 1)

    assert error(50) < 0.6 * error(25) < 0.4 * error(10)
    assert error(200) < 0.02


def test_unipc_calls_and_times(levels):
    seen = []

    def watched(x, t):
        seen.append(t)
        return torch.zeros_like(x)

    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    samplers.sample_unipc(watched, x, samplers.timesteps(5), levels)
    assert seen == pytest.approx([999.0 * (1 - i / 5) for i in range(5)])
    seen.clear()
    samplers.sample_unipc(watched, x, samplers.timesteps(5), levels, start=0.5)
    assert seen == pytest.approx([499.0 * (1 - i / 5) for i in range(5)])


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8])
def test_unipc_against_diffusers(steps, x, levels):
    """The same update on the same points: diffusers' UniPC is given our α and σ."""
    oracle = scheduler(
        "UniPCMultistepScheduler", levels, solver_order=3, solver_type="bh1", lower_order_final=True
    )
    oracle.set_timesteps(steps)
    points = torch.linspace(1, 1e-3, steps + 1, dtype=torch.float64)
    marginals = [marginal(levels, 1000 * p - 1) for p in points.tolist()]
    alpha = torch.tensor([math.exp(log_alpha) for log_alpha, _ in marginals], dtype=torch.float64)
    sigma = torch.tensor([s for _, s in marginals], dtype=torch.float64)
    oracle.sigmas = sigma / alpha
    oracle.timesteps = torch.arange(steps)
    oracle.num_inference_steps = steps
    expected = x
    for number in range(steps):
        t = (points[number].item() - 1e-3) * 1000
        expected = oracle.step(model(expected, t), number, expected).prev_sample
    ours = samplers.sample_unipc(model, x, [0] * steps, levels)
    assert relative_error(ours, expected) < 1e-5


def test_unipc_weights_solve_their_equations():
    """Order 3: the predictor's matrix is 2 × 2, the corrector's 3 × 3 (Zhao et al., equation 8)."""
    h, ratios = 0.4, [-1.1, -2.3]
    predictor, corrector = samplers.unipc_weights(ratios, h)
    z = -h
    phi = [math.expm1(z) / z]
    for k in (1, 2, 3):
        phi.append((phi[-1] - 1 / math.factorial(k)) / z)
    targets = [phi[1] * 1, phi[2] * 2, phi[3] * 6]
    nodes = [*ratios, 1.0]
    for power, target in enumerate(targets):
        total = sum(w * node**power for w, node in zip(corrector, nodes))
        assert total == pytest.approx(target, rel=1e-9)
    for power, target in enumerate(targets[:2]):
        total = sum(w * node**power for w, node in zip(predictor, ratios))
        assert total == pytest.approx(target, rel=1e-9)
    assert samplers.unipc_weights([], h) == ([], [0.5])
    assert samplers.unipc_weights([-1.0], h)[0] == [0.5]
