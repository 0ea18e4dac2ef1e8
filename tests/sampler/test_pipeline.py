"""The whole pipeline: against diffusers' loop, against itself, and against what users ask of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from sdops.dialect import infotext, pictures
from sdops.dialect.metadata.texts import read_texts
from sdops.dialect.options import Churn, Guidance, Hires, Prediction, PromptOptions, Sampling
from sdops.dialect.request import Files, Request
from sdops.dialect.samplers import SAMPLERS
from sdops.errors import UsageError
from sdops.sampler.attention import BACKENDS
from sdops.sampler.configuration import architecture
from sdops.sampler.graphs import Execution
from sdops.sampler.memory import Memory
from sdops.sampler.pipeline import NotANumberError, Options, Pipeline
from sdops.sampler.precision import PRECISIONS
from sdops.sampler.random_weights import randomize
from sdops.sampler.upscale import to_picture, to_tensor
from sdops.sampler.weights import build

from .oracles import (
    diffusers_unet,
    diffusers_vae,
    k_diffusion,
    random_pipeline,
    relative_error,
    transformers_text,
)

SMALL = Request(
    "a (cat:1.3) in a hat", "bad", 64, 64, seed=5, rng="CPU", sampling=Sampling(steps=4)
)


def picture(width=64, height=64):
    ramp = torch.linspace(-0.9, 0.9, width)[None, None, :].expand(3, height, width).clone()
    ramp[1] *= -1
    return to_picture(ramp)


def encoded_by_transformers(pipeline, text):
    """One short text as the UNet of this family takes it: the context, the pooled vector."""
    parts = pipeline.parts
    states = []
    for number, tokenizer in enumerate(pipeline.encoders.tokenizers):
        ids = [49406, *tokenizer.encode(text), 49407]
        pad = 0 if parts.config.text[number].open_clip else 49407
        tokens = torch.tensor([ids + [pad] * (77 - len(ids))])
        model = transformers_text(parts, number)
        states.append((model, model(tokens, output_hidden_states=True)))
    if len(states) == 2:
        (_, clip), (_, open_clip) = states
        context = torch.cat((clip.hidden_states[-2], open_clip.hidden_states[-2]), 2)
        return context, open_clip.text_embeds
    ((model, output),) = states
    if parts.config.text[0].open_clip:
        return model.text_model.final_layer_norm(output.hidden_states[-2]), None
    return output.last_hidden_state, None


def guided_by_diffusers(pipeline, prompt, negative, scale, size):
    """k-diffusion's wrapper around diffusers' UNet, with guidance."""
    external, unet = k_diffusion("external"), diffusers_unet(pipeline.parts)
    (positive, pooled), (other, other_pooled) = (
        encoded_by_transformers(pipeline, text) for text in (prompt, negative)
    )
    added = None
    if pooled is not None:
        sizes = torch.tensor([[*size, 0.0, 0.0, *size]] * 2)
        added = {"text_embeds": torch.cat((pooled, other_pooled)), "time_ids": sizes}

    def output(x, t):
        context = torch.cat((positive, other))
        x, t = torch.cat((x, x)).float(), t.repeat(2).float()
        return unet(x, t, context, added_cond_kwargs=added).sample

    is_v = pipeline.prediction is Prediction.V
    wrapper = external.DiscreteVDDPMDenoiser if is_v else external.DiscreteEpsDDPMDenoiser
    alphas = pipeline.parameterization(Sampling()).levels.alphas_cumprod
    inner = wrapper(lambda x, t: output(x, t), alphas, quantize=False)

    class Guided(torch.nn.Module):
        def forward(self, x, sigma):
            inner.inner_model = self.half(0)
            kept = inner(x, sigma)
            inner.inner_model = self.half(1)
            unconditional = inner(x, sigma)
            return unconditional + scale * (kept - unconditional)

        def half(self, number):
            return lambda x, t: output(x, t).chunk(2)[number]

    return Guided()


TRAJECTORIES = [
    ("tiny-sd15", "Euler", "sample_euler"), ("tiny-sd15", "Heun", "sample_heun"),
    ("tiny-sd15", "LMS", "sample_lms"), ("tiny-sd15", "DPM++ 2M", "sample_dpmpp_2m"),
    ("tiny-sd15", "Euler a", "sample_euler_ancestral"),
    ("tiny-sd15", "DPM++ SDE", "sample_dpmpp_sde"),
    ("tiny-sd15", "DPM++ 3M SDE", "sample_dpmpp_3m_sde"), ("tiny-sd21", "Euler", "sample_euler"),
    ("tiny-sd21", "DPM++ 2M", "sample_dpmpp_2m"), ("tiny-sdxl", "Euler", "sample_euler"),
    ("tiny-sdxl", "DPM++ 2S a", "sample_dpmpp_2s_ancestral"),
]  # fmt: skip


@pytest.mark.parametrize(("architecture", "label", "function"), TRAJECTORIES)
def test_trajectory(architecture, label, function, monkeypatch):
    """The same picture as k-diffusion's samplers make with diffusers' and transformers' models."""
    pipeline, steps = random_pipeline(architecture), 5
    sampling, oracle = k_diffusion("sampling"), guided_by_diffusers
    request = Request(
        "a cat", "dog", 64, 96, seed=5, rng="CPU", sampling=Sampling(label, "Karras", steps)
    )
    generator = torch.Generator().manual_seed(5)
    shape = (4, 12, 8)
    noise = torch.randn(shape, generator=generator)[None]
    levels = pipeline.parameterization(Sampling()).levels
    low, high = levels.sigma_min, levels.sigma_max
    sigmas = sampling.get_sigmas_karras(steps + ("3M" in label), low, high)
    if "3M" in label:
        sigmas = torch.cat((sigmas[:-2], sigmas[-1:]))
    monkeypatch.setattr(
        sampling.torch, "randn_like", lambda x: torch.randn(shape, generator=generator)[None]
    )
    options = {}
    if "SDE" in label:
        lowest = sigmas[sigmas > 0].min()
        options["noise_sampler"] = sampling.BrownianTreeNoiseSampler(
            noise, lowest, sigmas[0], seed=[5]
        )
    model = oracle(pipeline, "a cat", "dog", 7.0, (96, 64))
    sample = getattr(sampling, function)
    expected = sample(model, noise * sigmas[0], sigmas.double(), disable=True, **options)
    monkeypatch.undo()
    expected = expected.float()
    ours = pipeline.sample(request)
    assert relative_error(ours, expected) < 1e-4
    decoded = (
        diffusers_vae(pipeline.parts).decode(expected / pipeline.config.vae.scale_factor).sample
    )
    assert relative_error(pipeline.decode(ours), decoded) < 1e-4


@pytest.mark.parametrize("known", SAMPLERS, ids=lambda known: known.label)
def test_a_picture_does_not_depend_on_its_neighbors(known, pipeline):
    """Each of a batch is what it is alone; and the same seed gives the same picture twice."""
    churn = Churn(5.0) if known.noise.value == "churn" else Churn()
    count = 2 if known.one_by_one else 3
    request = replace(SMALL, sampling=Sampling(known.label, steps=4, churn=churn), pictures=count)
    together = pipeline.sample(request)
    assert torch.equal(together, pipeline.sample(request))
    assert together.isfinite().all()
    for number in (0, count - 1):
        alone = pipeline.sample(replace(request, pictures=1, seed=5 + number))
        assert relative_error(together[number : number + 1], alone) < 1e-4
    assert relative_error(together[1], together[0]) > 0.1


def test_seeds_of_variations(pipeline):
    request = replace(SMALL, pictures=2, variation_seed=9, variation_strength=0.4)
    assert request.seeds == (5, 5)
    both = pipeline.sample(request)
    second = pipeline.sample(replace(request, pictures=1, variation_seed=10))
    assert relative_error(both[1:], second) < 1e-4
    assert relative_error(both[1:], both[:1]) > 0.01


@pytest.mark.parametrize("name", ["tiny-sd15", "tiny-sd21", "tiny-sdxl"])
def test_random_models_are_well_behaved(name):
    """Latents near unit variance; a picture neither flat nor saturated; nothing near fp16's end."""
    pipeline = random_pipeline(name)
    largest = []
    hooks = [
        module.register_forward_hook(lambda *call: largest.append(call[-1].abs().max().item()))
        for part in (pipeline.parts.unet, pipeline.parts.vae)
        for module in part.modules()
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear, torch.nn.GroupNorm))
    ]
    latent = pipeline.sample(replace(SMALL, sampling=Sampling("DPM++ 2M", steps=12)))
    pixels = pipeline.decode(latent)
    for hook in hooks:
        hook.remove()
    assert 0.2 < latent.std() < 4
    assert pixels.std() > 0.1
    assert (pixels.abs() > 1).float().mean() < 0.2
    assert pixels.mean().abs() < 0.3
    assert max(largest) < 1000


def test_the_prompt_matters(pipeline):
    other = pipeline.sample(replace(SMALL, prompt="a dog on the moon"))
    assert relative_error(other, pipeline.sample(SMALL)) > 0.02


@pytest.mark.parametrize("half", ["fp16", "bf16"])
def test_half_precision_is_near(half, pipeline):
    small = random_pipeline("tiny-sd15", Options(precision=PRECISIONS[half]))
    assert small.parts.unet.get_parameter("out.2.weight").dtype is PRECISIONS[half].unet
    drift = relative_error(small.sample(SMALL), pipeline.sample(SMALL))
    assert 1e-5 < drift < 0.1
    assert small.decode(torch.zeros(1, 4, 8, 8)).dtype is torch.float32


def test_precision_policies():
    policy = PRECISIONS["fp16"].no_half_vae().upcast_sampling()
    pipeline = random_pipeline("tiny-sd15", Options(precision=policy))
    parts = pipeline.parts
    assert parts.vae.get_parameter("quant_conv.weight").dtype is torch.float32
    assert parts.unet.get_parameter("input_blocks.1.0.in_layers.0.weight").dtype is torch.float32
    assert parts.unet.get_parameter("input_blocks.1.0.in_layers.2.weight").dtype is torch.float16
    assert pipeline.sample(SMALL).isfinite().all()


def test_overflow_is_found_wherever_it_is(pipeline):
    """One element that is not a number, not the first, is enough; and the part is named."""
    broken = Pipeline(randomize(build(architecture("tiny-sd15"))))
    vae = broken.parts.vae
    vae.get_parameter("decoder.conv_out.bias").data[2] = float("inf")
    with pytest.raises(NotANumberError) as caught:
        broken.generate(SMALL)
    assert caught.value.part == "VAE"
    assert "--no-half-vae" in caught.value.hint
    broken.parts.unet.get_parameter("out.2.bias").data[3] = float("nan")
    with pytest.raises(NotANumberError) as caught:
        broken.sample(SMALL)
    assert caught.value.part == "UNet"


@pytest.mark.parametrize("memory", [Memory.PARTS, Memory.LAYERS])
def test_memory_policies_change_nothing(memory, pipeline):
    lean = random_pipeline("tiny-sd15", Options(memory=memory))
    assert torch.equal(lean.sample(SMALL), pipeline.sample(SMALL))


def test_vae_tiles(pipeline):
    """Tiles differ from the whole only near their edges' context, and not in size."""
    tiled = random_pipeline("tiny-sd15", Options(vae_tile=24))
    latent = torch.randn(1, 4, 40, 56, generator=torch.Generator().manual_seed(1))
    pixels = tiled.decode(latent)
    assert pixels.shape == (1, 3, 320, 448)
    assert relative_error(pixels, pipeline.decode(latent)) < 0.5
    with pytest.raises(UsageError, match="too small"):
        random_pipeline("tiny-sd15", Options(vae_tile=3))
    small = latent[..., :24, :24]
    assert relative_error(tiled.decode(small), pipeline.decode(small)) < 1e-6
    encoded = tiled.encode(pixels)
    assert encoded.shape == latent.shape
    assert relative_error(encoded, pipeline.encode(pixels)) < 0.5
    noise = torch.randn(2, 4, 24, 24, generator=torch.Generator().manual_seed(2))
    pixels = pipeline.decode(small)
    alone = [pipeline.encode(pixels, one[None]) for one in noise]
    assert torch.equal(pipeline.encode(pixels, noise), torch.cat(alone))
    assert relative_error(tiled.encode(pixels, noise), torch.cat(alone)) < 1e-6


def test_tiles_are_used_where_pictures_come_in(pipeline):
    """No layer of the encoder ever sees more than a tile, in image to image and in hires passes."""
    tiled, seen = random_pipeline("tiny-sd15", Options(vae_tile=8)), []
    tiled.parts.vae.encoder.register_forward_pre_hook(lambda _, x: seen.append(x[0].shape[2:]))
    changed = replace(SMALL, width=128, height=96, image=picture(128, 96))
    assert tiled.sample(changed).shape == (1, 4, 12, 16)
    tiled.sample(replace(SMALL, hires=Hires(2.0, upscaler="Lanczos")))
    assert set(seen) == {(64, 64)}


@pytest.mark.parametrize("attention", ["math", "sub-quadratic"])
def test_attention_backends_agree(attention, pipeline):
    other = random_pipeline("tiny-sd15", Options(attention=attention))
    assert relative_error(other.sample(SMALL), pipeline.sample(SMALL)) < 1e-4


def test_a_graph_needs_weights_that_stay():
    for memory in (Memory.PARTS, Memory.LAYERS):
        with pytest.raises(UsageError, match="stay on the GPU"):
            random_pipeline("tiny-sd15", Options(memory=memory, execution=Execution.GRAPHED))


def test_old_timelines_count_as_they_did(pipeline):
    """1.5 was a step, and is now a share of all: more than there are."""
    changing = replace(SMALL, prompt="[a cat:a dog:1.5]")
    assert torch.equal(pipeline.sample(changing), pipeline.sample(replace(SMALL, prompt="a cat")))
    old = replace(changing, prompt_options=PromptOptions(old_timelines=True))
    step = pipeline.sample(replace(SMALL, prompt="[a cat:a dog:1]"))
    assert torch.equal(pipeline.sample(old), step)
    assert not torch.equal(pipeline.sample(changing), step)


@pytest.mark.parametrize("name", ["flash", "cudnn"])
def test_fp32_takes_another_kernel_where_a_gpu_has_none(name):
    gpu = torch.device("cuda")
    assert PRECISIONS["fp16"].attend(name, gpu) is BACKENDS[name]
    assert PRECISIONS["fp32"].attend(name, gpu) is BACKENDS["sdpa"]
    assert PRECISIONS["fp32"].attend(name, torch.device("cpu")) is BACKENDS[name]


def test_channels_last_changes_nothing(pipeline):
    other = random_pipeline("tiny-sd15", Options(channels_last=True))
    assert relative_error(other.sample(SMALL), pipeline.sample(SMALL)) < 1e-4


def test_guidance_apart(pipeline):
    apart = replace(SMALL, guidance=Guidance(7.0, apart=True))
    assert relative_error(pipeline.sample(apart), pipeline.sample(SMALL)) < 1e-4


# Picture to picture


@pytest.mark.parametrize(
    ("sampler", "calls"),
    [("Euler", 7), ("DDIM", 5), ("PLMS", 6), ("UniPC", 6), ("DPM++ 2M", 7), ("DPM2", 13)],
)
def test_picture_to_picture_takes_its_share_of_the_steps(sampler, calls, pipeline):
    """t_enc = int(0.75 · 8) = 6: seven levels above zero, or six times of which one is the end."""
    told = []
    request = replace(SMALL, image=picture(), sampling=Sampling(sampler, steps=8))
    pipeline.sample(request, told.append)
    assert told[-1] == calls


def test_picture_to_picture_keeps_more_with_less_strength(pipeline):
    image = picture()
    kept = pipeline.encode(to_tensor(image, 64, 64))
    request = replace(SMALL, image=image, sampling=Sampling("Euler", steps=20))
    errors = [
        relative_error(pipeline.sample(replace(request, strength=strength)), kept)
        for strength in (0.05, 0.4, 0.9)
    ]
    assert errors == sorted(errors)
    assert errors[0] < 0.6


def test_inpainting_keeps_the_rest(pipeline):
    mask = Image.new("L", (64, 64))
    mask.paste(255, (32, 0, 64, 64))
    for sampler in ("Euler a", "DDIM", "DPM++ SDE"):
        request = replace(SMALL, image=picture(), mask=mask, sampling=Sampling(sampler, steps=6))
        latent = pipeline.sample(request)
        start = pipeline._start(request)
        left = 0.15 if sampler == "DDIM" else 1e-5  # DDIM ends at t = 1, with noise of 0.04
        assert relative_error(latent[..., :4], start.latent[..., :4]) < left
        assert relative_error(latent[..., 4:], start.latent[..., 4:]) > 0.3


def test_what_is_not_painted_stays_the_source_s_pixel_by_pixel(pipeline):
    mask = Image.new("L", (64, 64))
    mask.paste(255, (32, 0, 64, 64))
    request = replace(SMALL, image=picture(), mask=mask)
    source = torch.from_numpy(np.array(picture()))
    for blur, seam in ((0.0, 0), (4.0, 12)):
        (made,) = pipeline.generate(replace(request, mask_blur=blur))
        pixels = torch.from_numpy(np.array(made.image))
        assert torch.equal(pixels[:, : 32 - seam], source[:, : 32 - seam])
        plain = to_picture(pipeline.decode(pipeline.sample(replace(request, mask_blur=blur)))[0])
        painted = torch.from_numpy(np.array(plain))
        assert torch.equal(pixels[:, 34:], painted[:, 34:])  # half of the soft edge is enough
        changed = (pixels != source).float().mean((0, 2))
        assert changed[34:].mean() > 0.8
        assert (changed[:32].max() > 0) == (blur > 0)
        assert made.infotext.parameters["Mask blur"] == blur


def inpainting(channels):
    config = architecture("tiny-sd15")
    config = replace(config, unet=replace(config.unet, in_channels=channels))
    parts = build(config)
    first = parts.unet.get_parameter("input_blocks.0.0.weight")
    assert first.shape[1] == channels
    parts = randomize(parts)
    parts.unet.get_parameter("input_blocks.0.0.weight").data.normal_(0, 0.1)
    return Pipeline(parts)


def test_inpainting_model_sees_the_mask_and_what_is_kept():
    pipeline = inpainting(9)
    mask = Image.new("L", (64, 64))
    mask.paste(255, (32, 0, 64, 64))
    channels = pipeline._start(replace(SMALL, image=picture(), mask=mask)).channels
    assert channels.shape == (1, 5, 8, 8)
    assert channels[0, 0].tolist() == [[0.0] * 4 + [1.0] * 4] * 8
    pixels = to_tensor(picture(), 64, 64)
    pixels[..., 32:] = 0  # gray
    torch.testing.assert_close(channels[:, 1:], pipeline.encode(pixels))
    alone = pipeline._start(SMALL).channels
    assert alone[:, 0].min() == 1
    torch.testing.assert_close(alone[:, 1:], pipeline.encode(torch.zeros(1, 3, 64, 64)))
    assert pipeline.sample(replace(SMALL, image=picture(), mask=mask)).isfinite().all()


def test_pix2pix_edits_a_picture():
    pipeline = inpainting(8)
    request = replace(SMALL, image=picture(), guidance=Guidance(7.0, image_scale=1.5), pictures=2)
    channels = pipeline._start(request).channels
    expected = pipeline.encode(to_tensor(picture(), 64, 64)) / 0.18215
    torch.testing.assert_close(channels, expected.expand(2, -1, -1, -1))
    assert pipeline.sample(request).shape == (2, 4, 8, 8)
    with pytest.raises(UsageError, match="edits an image"):
        pipeline.sample(SMALL)


# Hires fix


@pytest.mark.parametrize(
    ("hires", "target"),
    [
        (Hires(2.0), (128, 192)),
        (Hires(1.55), (96, 144)),
        (Hires(width=160), (160, 240)),
        (Hires(height=240), (160, 240)),
        (Hires(width=128, height=128), (128, 128)),
        (Hires(width=256, height=96), (256, 96)),
        (Hires(width=71, height=156), (72, 152)),  # 104 × 156, of which A1111 cuts 4 latents
    ],
)
def test_hires_targets(hires, target):
    assert hires.target(64, 96) == target


@pytest.mark.parametrize(
    ("hires", "cover"),
    [
        (Hires(1.3), (655, 1008)),
        (Hires(width=640), (640, 985)),
        (Hires(height=990), (642, 990)),
        (Hires(width=640, height=640), (640, 985)),
        (Hires(width=640, height=1280), (831, 1280)),
    ],
)
def test_hires_covers_as_a1111_does(hires, cover):
    """By its modules/processing.py, calculate_target_resolution: hr_upscale_to_x and _y."""
    assert hires.cover(504, 776) == cover


def test_hires_tells_sdxl_of_the_size_before_cutting(xl_pipeline, monkeypatch):
    told = []
    condition = xl_pipeline.encoders.condition

    def noted(prompt, negative, size, steps, options):
        told.append(size)
        return condition(prompt, negative, size, steps, options)

    monkeypatch.setattr(xl_pipeline.encoders, "condition", noted)
    xl_pipeline.sample(replace(SMALL, hires=Hires(width=96, height=128, steps=1)))
    assert told == [(64, 64), (128, 128)]


@pytest.mark.parametrize("upscaler", ["Latent", "Latent (nearest-exact)", "Lanczos"])
def test_hires_fix(upscaler, xl_pipeline):
    told = []
    request = replace(SMALL, hires=Hires(1.5, upscaler=upscaler, steps=3), pictures=2)
    latents = xl_pipeline.sample(request, told.append)
    assert latents.shape == (2, 4, 12, 12)
    assert told == [1, 2, 3, 4, 1, 2, 3]
    alone = xl_pipeline.sample(replace(request, pictures=1, seed=6))
    assert relative_error(latents[1:], alone) < 1e-3


def test_hires_can_sample_in_its_own_way(pipeline):
    told = []
    hires = Hires(1.5, sampler="Heun", scheduler="karras", steps=3)
    request = replace(SMALL, hires=hires)
    other = pipeline.sample(request, told.append)
    assert told == [1, 2, 3, 4, 1, 2, 3, 4, 5]  # Heun: two calls a step, one for the last
    assert not torch.equal(other, pipeline.sample(replace(SMALL, hires=Hires(1.5, steps=3))))
    parameters = request.infotext().parameters
    assert parameters["Hires sampler"] == "Heun"
    assert parameters["Hires schedule type"] == "Karras"
    for same, label in ((Hires(1.5), None), (Hires(1.5, scheduler="beta"), "Beta")):
        parameters = replace(SMALL, hires=same).infotext().parameters
        assert parameters["Hires sampler"] is None
        assert parameters["Hires schedule type"] == label


def test_hires_covers_then_cuts(pipeline):
    """128 × 64 to 96 × 96: enlarged to 192 × 96, the middle kept."""
    latents = torch.arange(16.0).expand(1, 4, 8, 16).clone()
    cut = pipeline._enlarged(
        replace(SMALL, width=96, height=96), latents, (192, 96), "Latent (nearest)"
    )
    assert cut.shape == (1, 4, 12, 12)
    assert cut[0, 0, 0, 0] == 4
    assert cut[0, 0, 0, -1] == 11


def test_hires_schedules_go_on(pipeline):
    """A change at 50 % of all is over in the second pass: its prompt is `after` alone."""
    base = replace(SMALL, prompt="[cat:dog:0.5]", hires=Hires(1.5))
    plain = replace(SMALL, prompt="[cat:dog:0.5]", hires=Hires(1.5, prompt="dog"))
    assert relative_error(pipeline.sample(base), pipeline.sample(plain)) < 1e-6


# Words and limits


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"width": 10**9}, "Size cannot be"),
        ({"height": 100}, "Size cannot be"),
        ({"pictures": 0}, "Batch size cannot be"),
        ({"sampling": Sampling(steps=10**6)}, "Steps cannot be"),
        ({"sampling": Sampling("Eular a")}, "no sampler"),
        ({"sampling": Sampling(scheduler="Karas")}, "no scheduler"),
        ({"rng": "TPU"}, "no source of noise"),
        ({"seed": -1}, "Seed cannot be"),
        ({"strength": 1.5}, "Denoising strength"),
        ({"mask": Image.new("L", (8, 8))}, "no image"),
        ({"mask_blur": -1}, "Mask blur"),
        ({"hires": Hires(1000)}, "Hires upscale"),
        ({"hires": Hires(0.5)}, "hires pass"),
        ({"hires": Hires(sampler="Eular")}, "no sampler"),
        ({"hires": Hires(steps=10**6)}, "Hires steps"),
        ({"hires": Hires(upscaler="ESRGAN")}, "no upscaler"),
        ({"prompt_options": PromptOptions(emphasis="Loud")}, "no emphasis"),
        ({"guidance": Guidance(image_scale=1.5)}, "instruct-pix2pix"),
    ],
)
def test_requests_that_make_no_sense(change, said, pipeline):
    with pytest.raises(UsageError, match=said) as caught:
        pipeline.sample(replace(SMALL, **change))
    assert caught.value.hint


def test_infotext_says_what_was_changed_of_the_sampler():
    sampling = Sampling(
        "Euler", eta=0.5, churn=Churn(2.0, 0.1, 9.0, 1.01), sigma_min=0.1, sigma_max=10.0, rho=5.0,
        always_discard=True, sgm_noise_multiplier=True,
    )  # fmt: skip
    options = PromptOptions(old_timelines=True, same_length=True, emphasis="No norm")
    request = replace(SMALL, sampling=sampling, prompt_options=options)
    written = str(request.infotext(Files("model")))
    assert (
        "Sigma churn: 2, Sigma tmin: 0.1, Sigma tmax: 9, Sigma noise: 1.01, Schedule max sigma: 10,"
        " Schedule min sigma: 0.1, Schedule rho: 5, Discard penultimate sigma: True,"
        " SGM noise multiplier: True, Emphasis: No norm, Old prompt editing timelines: True,"
        " Pad conds: True, Version: sdops"
    ) in written
    assert "Eta" not in written  # Euler takes none
    plain = str(SMALL.infotext()).splitlines()[-1]
    assert [part.split(":")[0] for part in plain.split(", ")] == [
        "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "RNG", "Version",
    ]  # fmt: skip


def test_infotext_of_a_picture(pipeline, tmp_path):
    hires = Hires(1.5, steps=2, prompt="a cat, bigger", upscaler="Latent (bicubic)")
    request = replace(
        SMALL, prompt="a (cat:1.3)\nBREAK two", seed_delta=31337, hires=hires,
        prompt_options=PromptOptions(clip_skip=2), sampling=Sampling("DPM++ 2S a", steps=4),
        variation_strength=0.1, variation_seed=3, pictures=2,
    )  # fmt: skip
    first, second = pipeline.generate(request)
    assert first.image.size == (96, 96)
    path = tmp_path / "second.png"
    pictures.save(second.image, path, str(second.infotext))
    parsed = infotext.parse(read_texts(path).named["parameters"])
    assert parsed.prompt == "a (cat:1.3)\nBREAK two"
    assert parsed.negative == "bad"
    expected = {
        "Steps": "4", "Sampler": "DPM++ 2S a", "Schedule type": "Karras", "CFG scale": "7",
        "Seed": "5", "Size": "64x64", "Variation seed": "4",
        "Variation seed strength": "0.1", "Denoising strength": "0.75", "Clip skip": "2",
        "ENSD": "31337", "RNG": "CPU", "Hires upscale": "1.5", "Hires steps": "2",
        "Hires upscaler": "Latent (bicubic)", "Hires prompt": "a cat, bigger",
    }  # fmt: skip
    assert expected.items() <= parsed.parameters.items()
