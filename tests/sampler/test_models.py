"""The models compute what diffusers' and transformers' do with the same weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from sdops.sampler.configuration import UNetConfig, architecture
from sdops.sampler.random_weights import randomize
from sdops.sampler.unet import UNet, sinusoidal
from sdops.sampler.weights import build

from .oracles import (
    diffusers_unet,
    diffusers_vae,
    relative_error,
    strengthen,
    transformers_text,
)


def unet_inputs(config: UNetConfig, height: int = 16, width: int = 24):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, config.in_channels, height, width, generator=generator)
    context = torch.randn(2, 77, config.context_dim, generator=generator)
    vector = torch.randn(2, config.vector_dim, generator=generator) if config.vector_dim else None
    return x, torch.tensor([999.0, 12.3]), context, vector


def theirs(parts, x, t, context, vector):
    """diffusers' prediction; its SDXL takes the vector in two pieces and embeds one of them."""
    unet = diffusers_unet(parts)
    if vector is None:
        return unet(x, t, context).sample
    sizes = torch.tensor([[512.0, 768, 0, 8, 1024, 1024], [64, 128, 16, 0, 256, 512]])
    width = vector.shape[1] - 6 * 256
    added = {"text_embeds": vector[:, :width], "time_ids": sizes}
    vector[:, width:] = torch.stack([sinusoidal(row, 256).flatten() for row in sizes])
    return unet(x, t, context, added_cond_kwargs=added).sample


def test_unet(parts):
    inputs = unet_inputs(parts.config.unet)
    expected = theirs(parts, *inputs)
    assert relative_error(parts.unet(*inputs), expected) < 1e-4


@pytest.mark.parametrize("channels", [8, 9])
def test_unet_with_extra_channels(channels):
    config = architecture("tiny-sd15")
    config = replace(config, unet=replace(config.unet, in_channels=channels))
    parts = build(config)
    with torch.no_grad():
        for module in parts.by_prefix().values():
            module.to_empty(device="cpu")
            for parameter in module.parameters():
                parameter.normal_(0, 0.05)
    inputs = unet_inputs(config.unet)
    assert relative_error(parts.unet(*inputs), theirs(parts, *inputs)) < 1e-4


def test_odd_sizes_are_resized_after_the_convolution(parts):
    """A1111 cuts at the skip; diffusers asks its upsampler for the size, before the convolution."""
    unet = parts.unet
    x, t, context, vector = unet_inputs(parts.config.unet, 15, 17)
    seen = []
    handles = [
        block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
        for block in unet.output_blocks
        for block in [block[0].in_layers[0]]
    ]
    predicted = unet(x, t, context, vector)
    for handle in handles:
        handle.remove()
    assert predicted.shape == x.shape
    assert {shape[2:] for shape in seen} == {(4, 5), (8, 9), (15, 17)}
    level = next(b[-1] for b in unet.output_blocks if hasattr(b[-1], "conv"))
    small = torch.randn(1, level.conv.in_channels, 4, 5)
    after = F.interpolate(level(small), size=(8, 9))
    before = level.conv(F.interpolate(small, size=(8, 9)))
    assert not torch.allclose(after, before, atol=1e-2)


def test_what_is_kept_between_steps_changes_nothing(parts):
    x, t, context, vector = unet_inputs(parts.config.unet)
    unet = parts.unet
    shifts, prompts = unet.time_shifts(t, vector), unet.prompt_keys_values(context)
    assert torch.equal(unet.predict(x, shifts, prompts), unet(x, t, context, vector))
    assert torch.equal(unet.predict(x, shifts, prompts), unet(x, t, context, vector))


def test_time_embedding_has_the_cosine_first():
    wave = sinusoidal(torch.tensor([0.0, 250.5]), 8)
    assert wave[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    expected = torch.tensor([250.5, 25.05, 2.505, 0.2505])
    torch.testing.assert_close(
        wave[1], torch.cat((expected.cos(), expected.sin())), atol=1e-5, rtol=0
    )


def test_vae(parts):
    oracle = diffusers_vae(parts)
    generator = torch.Generator().manual_seed(5)
    picture = torch.rand(2, 3, 48, 64, generator=generator) * 2 - 1
    noise = torch.randn(2, 4, 6, 8, generator=generator)
    vae, scale = parts.vae, parts.config.vae.scale_factor
    posterior = oracle.encode(picture).latent_dist
    assert relative_error(vae.sample(vae.moments(picture)), posterior.mean * scale) < 1e-4
    sampled = (posterior.mean + posterior.std * noise) * scale
    assert relative_error(vae.sample(vae.moments(picture), noise), sampled) < 1e-4
    latent = torch.randn(2, 4, 6, 8, generator=generator)
    assert relative_error(vae.decode(latent), oracle.decode(latent / scale).sample) < 1e-4


def test_vae_limits_the_variance(parts):
    vae = parts.vae
    picture = torch.zeros(1, 3, 16, 16)
    bias = vae.get_parameter("quant_conv.bias")
    kept = bias.clone()
    bias.data[4:] = 100.0
    moments = vae.moments(picture)
    spread = vae.sample(moments, torch.ones(1, 4, 2, 2)) - vae.sample(moments)
    bias.data.copy_(kept)
    expected = torch.exp(torch.tensor(10.0)) * parts.config.vae.scale_factor
    torch.testing.assert_close(spread, expected.expand_as(spread), rtol=1e-4, atol=0)


def test_text_encoders(parts):
    ids = torch.randint(0, 49406, (2, 77), generator=torch.Generator().manual_seed(2))
    ids[:, 0], ids[0, 20], ids[1, 76] = 49406, 49407, 49407
    for number, encoder in enumerate(parts.text):
        oracle = transformers_text(parts, number)(ids, output_hidden_states=True)
        states = encoder(ids)
        for ours, expected in zip(states, oracle.hidden_states, strict=True):
            assert relative_error(ours, expected) < 2e-5
        norm = encoder.ln_final if encoder.config.open_clip else encoder.final_layer_norm
        assert relative_error(norm(states[-1]), oracle.last_hidden_state) < 2e-5
        if encoder.config.open_clip:
            assert relative_error(encoder.pooled(ids, states[-1]), oracle.text_embeds) < 2e-5


def test_refiner_unet():
    """Its second level of four is deep, its outermost and innermost have no transformer."""
    config = architecture("tiny-sdxl")
    unet = UNetConfig(4, 4, 64, (1, 2, 2, 2), 1, (0, 2, 2, 0), 2, 64, vector_dim=64 + 5 * 256)
    text = (replace(config.text[1], prefix="conditioner.embedders.0.model."),)
    parts = strengthen(randomize(build(replace(config, unet=unet, text=text))))
    x, t, context, vector = unet_inputs(unet)
    oracle = diffusers_unet(parts)
    sizes = torch.tensor([[512.0, 768, 0, 8, 6], [64, 128, 16, 0, 2.5]])
    vector[:, 64:] = torch.stack([sinusoidal(row, 256).flatten() for row in sizes])
    added = {"text_embeds": vector[:, :64], "time_ids": sizes}
    expected = oracle(x, t, context, added_cond_kwargs=added).sample
    assert relative_error(parts.unet(x, t, context, vector), expected) < 1e-4


def test_real_architectures_have_the_published_sizes():
    """Parameter counts in millions: UNet, VAE, text encoders (`Params` in the papers' tables)."""
    published = {
        "sd15": (859.5, 83.65, 123.06),
        "sd21": (865.9, 83.65, 354.0),
        "sdxl": (2567.5, 83.65, 123.06, 694.7),
    }
    for name, millions in published.items():
        parts = build(architecture(name))
        counted = [sum(p.numel() for p in m.parameters()) / 1e6 for m in parts.by_prefix().values()]
        assert counted == pytest.approx(millions, abs=0.06)
    assert isinstance(parts.unet, UNet)
