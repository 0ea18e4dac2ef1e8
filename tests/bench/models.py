"""Tiny checkpoints with random weights, some of them ill."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save_file

from sdops.sampler.configuration import UNET, VAE, architecture
from sdops.sampler.weights import build, randomize

Tensors = dict[str, torch.Tensor]
Illness = Callable[[Tensors], None]


@cache
def _healthy(name: str) -> Tensors:
    parts = randomize(build(architecture(name)), seed=3)
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
    """Its stream gets numbers above 65504 in the middle, which the norms after it bring back."""
    scaled(UNET + "middle_block.2.out_layers.3.weight", 1e6)(tensors)


def attention_overflows_fp16(tensors: Tensors) -> None:
    """The products of queries and keys are above 65504, they themselves are not."""
    for number in (1, 2):
        scaled(f"attn{number}.to_q.weight", 300.0)(tensors)
        scaled(f"attn{number}.to_k.weight", 300.0)(tensors)


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
    tensors[UNET + "input_blocks.0.0.weight"].uniform_(-0.3, 0.3)
