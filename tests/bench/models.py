"""Tiny checkpoints with random weights, some of them ill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save_file

from sdops.sampler.configuration import (
    REFINER_OPEN_CLIP,
    UNET,
    VAE,
    Family,
    ModelConfig,
    architecture,
)
from sdops.sampler.random_weights import randomize
from sdops.sampler.weights import build

Tensors = dict[str, torch.Tensor]
Illness = Callable[[Tensors], None]


def _config(name: str) -> ModelConfig:
    """Of an architecture, or a variant of one."""
    base, _, variant = name.partition(" ")
    config = architecture(base)
    if variant == "refiner":
        unet = replace(config.unet, context_dim=64, vector_dim=64 + 5 * 256)
        text = (replace(config.text[1], prefix=REFINER_OPEN_CLIP),)
        return replace(config, family=Family.SDXL_REFINER, unet=unet, text=text)
    channels = {"": 4, "inpainting": 9, "pix2pix": 8}[variant]
    return replace(config, unet=replace(config.unet, in_channels=channels))


@cache
def _healthy(name: str) -> Tensors:
    parts = randomize(build(_config(name)), seed=3)
    return {
        prefix + key: tensor
        for prefix, module in parts.by_prefix().items()
        for key, tensor in module.state_dict().items()
    }


def checkpoint(path: Path, *illnesses: Illness, name: str = "tiny-sd15", metadata=None) -> Path:
    """A whole checkpoint in fp32 at `path`."""
    tensors = {key: tensor.clone().contiguous() for key, tensor in _healthy(name).items()}
    for illness in illnesses:
        illness(tensors)
    save_file(tensors, path, metadata)
    return path


def scaled(key: str, factor: float) -> Illness:
    """Every tensor whose name holds `key`, times `factor`."""

    def fall_ill(tensors: Tensors) -> None:
        names = [name for name in tensors if key in name]
        assert names
        for name in names:
            tensors[name] *= factor

    return fall_ill


def vae_overflows_fp16(tensors: Tensors) -> None:
    """Its first layer gives numbers above 65504; norms bring them back, so fp32 is right."""
    scaled(VAE + "decoder.conv_in.weight", 1e6)(tensors)


def unet_overflows_fp16(tensors: Tensors) -> None:
    """Its gated layers give numbers above 65504, which the layer after them brings back."""
    scaled("ff.net.0.proj.weight", 600.0)(tensors)
    scaled("ff.net.2.weight", 600.0**-2)(tensors)


def only_the_average_is_healthy(tensors: Tensors) -> None:
    """The live UNet gives nothing but NaN; its moving average is what it was."""
    for name in [name for name in tensors if name.startswith(UNET)]:
        average = "model_ema." + name.removeprefix("model.").replace(".", "")
        tensors[average] = tensors[name].clone()
        tensors[name] *= float("nan")


def attention_overflows_fp16(tensors: Tensors) -> None:
    """All products of queries and keys are above 65504, they themselves are not.

    One coordinate is 1 in every token, and one of each head's has nothing but 400 times it: a
    constant in all scores, which softmax takes away again, in fp32.
    """
    for name in [name for name in tensors if name.endswith("norm1.weight")]:
        block = name.removesuffix("norm1.weight")
        if not block.startswith(UNET):
            continue
        tensors[name][0] = 0.0
        tensors[block + "norm1.bias"][0] = 1.0
        for letter in "qk":
            weights = tensors[f"{block}attn1.to_{letter}.weight"]
            first = weights[:: len(weights) // 8]  # of each of 8 heads
            first.zero_()
            first[:, 0] = 400.0


def encoder_overflows_fp16(tensors: Tensors) -> None:
    """As `vae_overflows_fp16`, but where pictures come in."""
    scaled(VAE + "encoder.conv_in.weight", 1e6)(tensors)


def says_v_and_zero_terminal_snr(tensors: Tensors) -> None:
    """The two empty tensors that trainers mark such models with."""
    tensors |= {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}


def sees_the_picture_to_edit(tensors: Tensors) -> None:
    """The channels beside the latent, which random weights leave out, count."""
    tensors[UNET + "input_blocks.0.0.weight"][:, 4:] = 0.05


def vae_is_glaring(tensors: Tensors) -> None:
    """Ten times the contrast, so that what differs between tiles differs ten times as much."""
    scaled(VAE + "decoder.conv_out.weight", 10.0)(tensors)


def vae_is_broken(tensors: Tensors) -> None:
    """A single NaN in the middle of the weights."""
    tensors[VAE + "decoder.conv_out.weight"][0, 0, 0, 0] = float("nan")


def paints_black(tensors: Tensors) -> None:
    """The VAE gives -1 everywhere."""
    tensors[VAE + "decoder.conv_out.weight"].zero_()
    tensors[VAE + "decoder.conv_out.bias"].fill_(-1.0)


def paints_green(tensors: Tensors) -> None:
    """The VAE gives green that varies, and nothing else."""
    weights = tensors[VAE + "decoder.conv_out.weight"]
    weights[0].zero_()
    weights[2].zero_()
    tensors[VAE + "decoder.conv_out.bias"].copy_(torch.tensor([-1.0, 0.0, -1.0]))


def predicts_v(tensors: Tensors) -> None:
    """The UNet's output is unlike the noise in its input."""
    seeded = torch.Generator().manual_seed(1)
    tensors[UNET + "input_blocks.0.0.weight"].uniform_(-0.3, 0.3, generator=seeded)
