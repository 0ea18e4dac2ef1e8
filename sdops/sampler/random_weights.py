"""Random weights that behave like trained ones, for trying a machine without a checkpoint."""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor

from sdops.dialect.options import Prediction
from sdops.sampler.unet import UNet
from sdops.sampler.vae import Vae
from sdops.sampler.weights import Parts

PASS_THROUGH = 1.3
"""How much of its input an untrained UNet of the epsilon kind is made to give back."""
OWN_IDEAS = 0.1
"""How much it adds of its own, of unit variance."""
RESIDUAL_GAIN = 0.5
"""How large a residual branch is made, beside the stream it is added to."""
LOG_VARIANCE = -12.0
"""The deviation of the untrained VAE's latents."""
TEXT_MEAN = 0.1
"""The mean of encoded prompts; emphasis divides by it."""
PICTURE_DEVIATION = 0.35
"""The deviation of the pixels, in -1…1, that the untrained VAE decodes to."""


def randomize(parts: Parts, seed: int = 0, dtype: torch.dtype = torch.float32) -> Parts:
    """Give `parts` random weights of the range that trained ones have; returns them.

    Layers keep the variance (He et al. 2015), residual branches add half as much again, and an
    epsilon UNet leans towards giving back its input, which is the best guess for noise without
    training; so that latents end near unit variance and nothing overflows fp16.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in parts.by_prefix().values():
        drawn = {
            name: _drawn(name, parameter.shape, generator).to(dtype)
            for name, parameter in module.named_parameters()
        }
        module.load_state_dict(drawn, assign=True)
    parts.vae.get_parameter("decoder.conv_out.weight").mul_(PICTURE_DEVIATION)
    _encode_to_unit_variance(parts.vae)
    parts.unet.get_parameter("out.2.weight").mul_(OWN_IDEAS)
    if parts.config.prediction is not Prediction.V:
        _pass_through(parts.unet)
    return parts


def _drawn(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """The first weights of one parameter, by what its name says that it is for."""
    is_norm = re.search(r"norm|ln_|in_layers\.0|out_layers\.0|^out\.0", name)
    if len(shape) == 1:
        is_last = re.match(r"final_layer_norm|ln_final", name)
        bias = TEXT_MEAN if is_last else 0.0
        return torch.full(shape, 1.0 if is_norm and name.endswith("weight") else bias)
    if "embedding" in name:
        deviation = 0.5
    else:
        fan_in = shape[0] if name == "text_projection" else shape[1:].numel()
        deviation = fan_in**-0.5
    if re.search(r"out_layers\.3|proj_out|to_out|ff\.net\.2|conv2|out_proj|fc2|c_proj", name):
        deviation *= RESIDUAL_GAIN
    limit = deviation * math.sqrt(3)
    weights = torch.empty(shape).uniform_(-limit, limit, generator=generator)
    return weights + TEXT_MEAN if "embedding" in name else weights


def _encode_to_unit_variance(vae: Vae) -> None:
    """Let encoded pictures be as large as trained latents, with hardly any noise of their own."""
    channels = vae.config.latent_channels
    weight = vae.get_parameter("quant_conv.weight").zero_()  # (2 z, 2 z, 1, 1)
    for channel in range(channels):
        weight[channel, channel] = 1 / vae.config.scale_factor
    vae.get_parameter("quant_conv.bias")[channels:] = LOG_VARIANCE


def _pass_through(unet: UNet) -> None:
    """Lead the input along the outermost skip as pairs of +x and -x, and take their difference.

    SiLU(x) - SiLU(-x) = x, so what goes in comes out, beside what the layers between add.
    """
    first = unet.get_parameter("input_blocks.0.0.weight")  # (C, in_channels, 3, 3)
    outermost = f"output_blocks.{len(unet.output_blocks) - 1}.0.skip_connection.weight"
    skip = unet.get_parameter(outermost)  # (C, incoming + C, 1, 1)
    last = unet.get_parameter("out.2.weight")  # (out_channels, C, 3, 3)
    width, outputs = len(first), len(last)
    first.zero_()
    skip.mul_(RESIDUAL_GAIN)
    for channel in range(width):
        latent, sign = channel // 2 % outputs, 1 - channel % 2 * 2
        first[channel, latent, 1, 1] = sign
        skip[channel, skip.shape[1] - width + channel] = 1
        last[latent, channel, 1, 1] += sign * PASS_THROUGH * 2 * outputs / width
