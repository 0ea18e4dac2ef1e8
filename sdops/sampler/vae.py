"""The variational autoencoder between pictures and latents; named as in its published weights.

Rombach et al. 2022 (arXiv 2112.10752). Shapes: B pictures, C channels; a latent of h × w pixels
stands for a picture of 8 h × 8 w.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdops.sampler.attention import Attend, query_chunked
from sdops.sampler.configuration import VaeConfig
from sdops.sampler.layers import Upsample, conv3

LOG_VARIANCE_RANGE = (-30.0, 20.0)


class Vae(nn.Module):
    """Encoder and decoder; latents come and go at the scale that the UNet works in."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        moments = 2 * config.latent_channels
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.quant_conv = nn.Conv2d(moments, moments, 1)
        self.post_quant_conv = nn.Conv2d(config.latent_channels, config.latent_channels, 1)

    def moments(self, picture: Tensor) -> Tensor:
        """Mean and log variance (B, 2 z, h, w) of the latents of `picture` (B, 3, 8 h, 8 w)."""
        return self.quant_conv(self.encoder(picture))

    def sample(self, moments: Tensor, noise: Tensor | None = None) -> Tensor:
        """A latent (B, z, h, w) of the picture with these `moments`.

        Args:
            moments: as from the method above.
            noise: unit noise of the latent's shape; None takes the mean.
        """
        mean, log_variance = moments.chunk(2, 1)  # (B, z, h, w)
        if noise is not None:
            deviation = torch.exp(0.5 * log_variance.clamp(*LOG_VARIANCE_RANGE))
            mean = mean + deviation * noise.to(mean)
        return mean * self.config.scale_factor

    def decode(self, latent: Tensor) -> Tensor:
        """The picture (B, 3, 8 h, 8 w), about -1…1, of `latent` (B, z, h, w)."""
        z = self.post_quant_conv(latent / self.config.scale_factor)
        return self.decoder(z)

    def forward(self, latent: Tensor) -> Tensor:
        return self.decode(latent)


class Encoder(nn.Module):
    """Halves the size three times, widening; then attends over all pixels."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        width = config.channels
        self.conv_in = conv3(3, width)
        self.down = nn.ModuleList()
        for level, multiplier in enumerate(config.channel_mult):
            outgoing = config.channels * multiplier
            last = level == len(config.channel_mult) - 1
            self.down.append(Level(width, outgoing, config.num_res_blocks))
            if not last:
                self.down[-1].downsample = Downsample(outgoing)
            width = outgoing
        self.mid = Middle(width)
        self.norm_out = _norm(width)
        self.conv_out = conv3(width, 2 * config.latent_channels)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_in(x)
        for level in self.down:
            h = level(h)  # (B, C, H / 2, W / 2), but for the last
        return self.conv_out(F.silu(self.norm_out(self.mid(h))))  # (B, 2 z, h, w)


class Decoder(nn.Module):
    """Attends over all pixels; then doubles the size three times, narrowing."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        width = config.channels * config.channel_mult[-1]
        self.conv_in = conv3(config.latent_channels, width)
        self.mid = Middle(width)
        levels = []
        for level, multiplier in reversed(tuple(enumerate(config.channel_mult))):
            outgoing = config.channels * multiplier
            levels.append(Level(width, outgoing, config.num_res_blocks + 1))
            if level > 0:
                levels[-1].upsample = Upsample(outgoing)
            width = outgoing
        self.up = nn.ModuleList(reversed(levels))  # numbered by resolution, used from the coarsest
        self.norm_out = _norm(width)
        self.conv_out = conv3(width, 3)

    def forward(self, z: Tensor) -> Tensor:
        h = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            h = level(h)  # (B, C, 2 H, 2 W), but for the last
        return self.conv_out(F.silu(self.norm_out(h)))


class Level(nn.Module):
    """The blocks of one resolution, then the change to the next if there is one."""

    def __init__(self, incoming: int, outgoing: int, blocks: int) -> None:
        super().__init__()
        widths = [incoming] + [outgoing] * blocks
        self.block = nn.ModuleList(ResnetBlock(*pair) for pair in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.block, *list(self.children())[1:]):
            x = layer(x)
        return x


class Middle(nn.Module):
    """Two residual blocks around attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = ResnetBlock(channels, channels)
        self.attn_1 = AttentionBlock(channels)
        self.block_2 = ResnetBlock(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class ResnetBlock(nn.Module):
    """Two convolutions with a skip (He et al. 2016)."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.norm1 = _norm(incoming)
        self.conv1 = conv3(incoming, outgoing)
        self.norm2 = _norm(outgoing)
        self.conv2 = conv3(outgoing, outgoing)
        if incoming != outgoing:
            self.nin_shortcut = nn.Conv2d(incoming, outgoing, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        skip = self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x
        return skip + h


class AttentionBlock(nn.Module):
    """Self attention over all pixels with a single head."""

    attend: Attend

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.q, self.k, self.v = (nn.Conv2d(channels, channels, 1) for _ in range(3))
        self.proj_out = nn.Conv2d(channels, channels, 1)
        self.attend = query_chunked

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        q, k, v = (
            layer(h).flatten(2).transpose(1, 2)[:, None]  # (B, 1, H W, C)
            for layer in (self.q, self.k, self.v)
        )
        mixed = self.attend(q, k, v)[:, 0].transpose(1, 2).reshape(x.shape)  # (B, C, H, W)
        return x + self.proj_out(mixed)


class Downsample(nn.Module):
    """Half the size; pads right and below only, as the weights were trained."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels, eps=1e-6)
