"""From the UNet's output to the samplers' contract."""

from __future__ import annotations

import pytest
import torch

from sdops.dialect.options import Guidance, Prediction
from sdops.sampler.conditioning import Conditioning, Encoded
from sdops.sampler.configuration import UNetConfig
from sdops.sampler.guidance import (
    Consistency,
    Epsilon,
    GuidedModel,
    Inpaint,
    Predictor,
    Velocity,
    probe_prediction,
)
from sdops.sampler.schedule import NoiseLevels
from sdops.sampler.unet import UNet

from .oracles import k_diffusion, relative_error

LEVELS = NoiseLevels.scaled_linear()


class Fake(UNet):
    """A UNet of one parameter, whose output tells what it was given: time, prompt, channels."""

    def __init__(self, channels: int = 4, dtype=torch.float32) -> None:
        torch.nn.Module.__init__(self)
        self.config = UNetConfig(channels, 4, 32, (1,), 1, (1,), 1, 1)
        self.out = torch.nn.ModuleDict({"2": torch.nn.Conv2d(1, 1, 1, dtype=dtype)})
        self.batches = []
        self.times = []

    def time_shifts(self, t, vector=None):
        self.times.append(t)
        return (t.float()[:, None, None, None],)

    def prompt_keys_values(self, context):
        return ((context.mean((1, 2)), context),)

    def predict(self, x, shifts, keys_values):
        self.batches.append(len(x))
        extra = x[:, 4:].mean((1, 2, 3), keepdim=True) if x.shape[1] > 4 else 0
        return x[:, :4] * 0.1 + shifts[0] * 1e-3 + keys_values[0][0][:, None, None, None] + extra


def text(value, length=77, vector=None):
    return Encoded(torch.full((length, 3), float(value)), vector)


def always(encoded):
    return ((99, encoded),)


def conditioning(*values, negative=0.0):
    parts = tuple((weight, always(text(value))) for value, weight in values)
    return Conditioning(parts, always(text(negative)))


@pytest.fixture
def x():
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1)) * 5


def guided(unet, conditionings, **options):
    return GuidedModel(
        Predictor(unet), options.pop("as_", Epsilon(LEVELS)), conditionings, **options
    )


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Epsilon, "DiscreteEpsDDPMDenoiser"), (Velocity, "DiscreteVDDPMDenoiser")],
)
def test_parameterizations_as_in_k_diffusion(ours, theirs, quantized, x):
    """One prompt and guidance 1: the wrapper around the UNet is k-diffusion's."""
    unet = Fake()
    oracle = getattr(k_diffusion("external"), theirs)(
        lambda x, t: x * 0.1 + t[:, None, None, None] * 1e-3 + 0.5, LEVELS.alphas_cumprod, quantized
    )
    kind = ours(LEVELS, quantized)
    model = guided(unet, [conditioning((0.5, 1))] * 2, as_=kind, guidance=Guidance(1.0))
    for sigma in (14.6, 3.0, 0.5, 0.03):
        assert relative_error(model(x, sigma), oracle(x, torch.full((2,), sigma))) < 1e-5


def test_guidance_in_the_denoised_domain(x):
    unet = Fake()
    model = guided(unet, [conditioning((0.5, 1), negative=0.2)] * 2, guidance=Guidance(7.0))
    sigma = 2.0
    output = x / 5**0.5 * 0.1 + Epsilon(LEVELS).time(sigma) * 1e-3
    positive, negative = x - sigma * (output + 0.5), x - sigma * (output + 0.2)
    assert relative_error(model(x, sigma), negative + 7 * (positive - negative)) < 1e-5
    assert unet.batches == [4]


def test_parts_are_added(x):
    parts = conditioning((0.5, 1.0), (0.9, -0.5), (0.3, 2.0), negative=0.1)
    model = guided(Fake(), [parts] * 2, guidance=Guidance(3.0))
    single = {value: guided(Fake(), [conditioning((value, 1))] * 2, guidance=Guidance(1.0))(x, 2.0)
              for value in (0.5, 0.9, 0.3, 0.1)}  # fmt: skip
    u = single[0.1]
    weighted = ((0.5, 1.0), (0.9, -0.5), (0.3, 2.0))
    expected = u + sum(weight * 3 * (single[value] - u) for value, weight in weighted)
    assert relative_error(model(x, 2.0), expected) < 1e-5


def test_pictures_with_different_prompts_do_not_touch(x):
    """Each as if alone: other numbers of parts, other lengths."""
    long = Conditioning(((1.0, always(text(0.9, 154))),), always(text(0.1)))
    mixed = [conditioning((0.5, 1), (0.7, 0.5)), long]
    unet = Fake()
    together = guided(unet, mixed)(x, 2.0)
    assert sorted(unet.batches) == [1, 4]
    for i in range(2):
        alone = guided(Fake(), mixed[i : i + 1])(x[i : i + 1], 2.0)
        assert relative_error(together[i : i + 1], alone) < 1e-6
    apart = Fake()
    assert (
        relative_error(guided(apart, mixed, guidance=Guidance(apart=True))(x, 2.0), together) < 1e-6
    )
    assert apart.batches == [1] * 5


def test_a_schedule_counts_calls(x):
    """The k-th call, from 0, reads the first entry whose end is not before k."""
    scheduled = ((2, text(0.1)), (4, text(0.7)))
    model = guided(Fake(), [Conditioning(((1.0, scheduled),), always(text(0)))] * 2,
                   guidance=Guidance(1.0))  # fmt: skip
    texts = []
    for _ in range(6):
        output = (x - model(x, 1.0)) - x / 2**0.5 * 0.1 - Epsilon(LEVELS).time(1.0) * 1e-3
        texts.append(round(output.mean().item(), 3))
    assert texts == [0.1, 0.1, 0.1, 0.7, 0.7, 0.7]


def test_calls_are_told(x):
    told = []
    model = guided(Fake(), [conditioning((0.5, 1))] * 2, on_call=told.append)
    model(x, 2.0)
    model.noise(x, 500)
    assert told == [1, 2]


def test_noise_of_a_v_model(x):
    """ε = √ᾱ v + √(1 - ᾱ) x at the whole time below t."""
    model = guided(
        Fake(), [conditioning((0.5, 1))] * 2, as_=Velocity(LEVELS), guidance=Guidance(1.0)
    )
    v = x * 0.1 + 500.7 * 1e-3 + 0.5
    a = LEVELS.alphas_cumprod[500].item()
    assert relative_error(model.noise(x, 500.7), a**0.5 * v + (1 - a) ** 0.5 * x) < 1e-5


def test_cfgpp_scales_guidance_down(x):
    model = guided(Fake(), [conditioning((0.5, 1), negative=0.2)] * 2, guidance=Guidance(10.0))
    both, unconditional = model.noise_pair(x, 500)
    base = x * 0.1 + 0.5
    assert relative_error(unconditional, base + 0.2) < 1e-5
    assert relative_error(both, base + 0.2 + 0.8 * 0.3) < 1e-5


def test_inpaint_keeps_what_is_masked(x):
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    kept = torch.randn(2, 4, 8, 8)
    free = guided(Fake(), [conditioning((0.5, 1))] * 2)(x, 2.0)
    held = guided(Fake(), [conditioning((0.5, 1))] * 2, inpaint=Inpaint(mask, kept))(x, 2.0)
    assert torch.equal(held[..., :4], kept[..., :4])
    assert torch.equal(held[..., 4:], free[..., 4:])


def test_inpaint_on_the_axis_of_times(x):
    """The kept part's noise is what leads from x to the picture as it was."""
    mask, kept = torch.zeros(1, 1, 8, 8), torch.randn(2, 4, 8, 8)
    model = guided(Fake(), [conditioning((0.5, 1))] * 2, inpaint=Inpaint(mask, kept))
    a = LEVELS.alphas_cumprod[500].item()
    picture = (x - (1 - a) ** 0.5 * model.noise(x, 500)) / a**0.5
    assert relative_error(picture, kept) < 1e-5


def test_extra_channels_and_pix2pix(x):
    """Three rows: prompt with image, negative with image, negative without (Brooks et al. 2023)."""
    image = torch.full((2, 4, 8, 8), 0.3)
    given = [conditioning((0.5, 1), negative=0.2)] * 2
    model = guided(Fake(8), given, guidance=Guidance(7.0, image_scale=1.5), image=image)
    sigma = 2.0
    base = x / 5**0.5 * 0.1 + Epsilon(LEVELS).time(sigma) * 1e-3
    full, seen, blind = (x - sigma * (base + add) for add in (0.5 + 0.3, 0.2 + 0.3, 0.2))
    assert relative_error(model(x, sigma), blind + 7 * (full - seen) + 1.5 * (seen - blind)) < 1e-5
    plain = guided(Fake(8), given, guidance=Guidance(7.0), image=image)
    assert relative_error(plain(x, sigma), seen + 7 * (full - seen)) < 1e-5


def test_lcm_levels_and_boundary(x):
    lcm = Consistency(Epsilon(LEVELS))
    assert len(lcm.distilled.sigmas) == 50
    assert torch.equal(lcm.distilled.sigmas, LEVELS.sigmas[19::20])
    sigmas = lcm.sigmas(4)
    assert sigmas[[0, 3, 4]].tolist() == pytest.approx([*LEVELS.sigmas[[999, 19]].tolist(), 0])
    assert lcm.time(LEVELS.sigmas[999].item()) == 999
    assert lcm.time(LEVELS.sigmas[512].item()) == 519
    sigma, output = LEVELS.sigmas[19].item(), torch.ones_like(x)
    k = 190.0
    skip, out = 0.25 / (k**2 + 0.25), k / (k**2 + 0.25) ** 0.5
    expected = out * (x - sigma * output) + skip * x
    assert relative_error(lcm.denoised(x, sigma, output), expected) < 1e-6


def test_times_known_in_advance_change_nothing(x):
    sigmas = (9.0, 2.0, 0.4)
    fresh, planned = Fake(), Fake()
    first = guided(fresh, [conditioning((0.5, 1))] * 2)
    second = guided(planned, [conditioning((0.5, 1))] * 2)
    second.predictor.times = tuple(Epsilon(LEVELS).time(sigma) for sigma in sigmas)
    for sigma in sigmas:
        assert torch.equal(first(x, sigma), second(x, sigma))
    assert len(planned.times) == 1
    assert len(fresh.times) == 3


def test_fp16_rounds_the_time_as_a1111():
    unet = Fake(dtype=torch.float16)
    model = guided(unet, [conditioning((0.5, 1))], guidance=Guidance(1.0))
    model(torch.zeros(1, 4, 8, 8), LEVELS.t_to_sigma(torch.tensor(958.37)).item())
    assert unet.times[0].tolist() == [958.5, 958.5]


@pytest.mark.parametrize(("offset", "expected"), [(-1.5, Prediction.V), (-0.5, Prediction.EPSILON)])
def test_probe(offset, expected):
    unet = Fake()
    unet.forward = lambda x, t, context, vector=None: x + offset
    assert probe_prediction(unet) is expected
