"""The UNet of Stable Diffusion 1, 2 and XL; submodules are named as in its published weights.

Rombach et al. 2022 (arXiv 2112.10752), Podell et al. 2023 (arXiv 2307.01952). What does not depend
on the picture is computed by methods of its own, once: `time_shifts` (a step's) and
`prompt_keys_values` (a prompt's). Shapes: B pictures, C channels, H × W latent pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdops.sampler.attention import Attend, scaled_dot_product
from sdops.sampler.configuration import UNetConfig
from sdops.sampler.layers import Upsample, conv3

KeysValues = tuple[Tensor, Tensor]


class UNet(nn.Module):
    """Predicts the noise (or v) in a latent, given the time and the prompt."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        channels, embedding = config.model_channels, 4 * config.model_channels
        self.time_embed = _embedding(channels, embedding)
        if config.vector_dim:
            self.label_emb = nn.Sequential(_embedding(config.vector_dim, embedding))

        def block(incoming: int, level: int, *after: nn.Module) -> nn.Sequential:
            width, depth = channels * config.channel_mult[level], config.transformer_depth[level]
            transformer = [SpatialTransformer(config, width, depth)] if depth else []
            return nn.Sequential(ResBlock(incoming, width, embedding), *transformer, *after)

        self.input_blocks = nn.ModuleList([nn.Sequential(conv3(config.in_channels, channels))])
        widths = [channels]
        for level, multiplier in enumerate(config.channel_mult):
            width = channels * multiplier
            for _ in range(config.num_res_blocks):
                self.input_blocks.append(block(widths[-1], level))
                widths.append(width)
            if level < config.levels - 1:
                self.input_blocks.append(nn.Sequential(Downsample(width)))
                widths.append(width)

        width = widths[-1]
        self.middle_block = nn.Sequential(
            ResBlock(width, width, embedding),
            SpatialTransformer(config, width, config.middle_depth),
            ResBlock(width, width, embedding),
        )

        self.output_blocks = nn.ModuleList()
        for level in reversed(range(config.levels)):
            below, width = width, channels * config.channel_mult[level]
            for number in range(config.num_res_blocks + 1):
                last = number == config.num_res_blocks and level > 0
                upsample = [Upsample(width)] if last else []
                self.output_blocks.append(block(below + widths.pop(), level, *upsample))
                below = width

        self.out = nn.Sequential(
            nn.GroupNorm(32, channels), nn.SiLU(), conv3(channels, config.out_channels)
        )

    def forward(
        self, x: Tensor, t: Tensor, context: Tensor, vector: Tensor | None = None
    ) -> Tensor:
        """The prediction for `x`.

        Args:
            x: (B, in_channels, H, W), scaled to unit variance.
            t: (B,) times in 0…999, may be fractional.
            context: (B, tokens, context_dim), the encoded prompt.
            vector: (B, vector_dim), SDXL's pooled prompt and sizes.
        """
        return self.predict(x, self.time_shifts(t, vector), self.prompt_keys_values(context))

    def predict(
        self, x: Tensor, shifts: Iterable[Tensor], keys_values: Iterable[KeysValues]
    ) -> Tensor:
        """The prediction for `x`, (B, out_channels, H, W), from what the two methods below gave."""
        shifts, keys_values = iter(shifts), iter(keys_values)
        skips = []
        for block in self.input_blocks:
            x = _run(block, x, shifts, keys_values)
            skips.append(x)
        x = _run(self.middle_block, x, shifts, keys_values)
        for block in self.output_blocks:
            skip = skips.pop()
            if x.shape[2:] != skip.shape[2:]:  # an odd size came back one larger
                x = F.interpolate(x, size=skip.shape[2:])
            x = _run(block, torch.cat((x, skip), 1), shifts, keys_values)
        return self.out(x)

    def time_shifts(self, t: Tensor, vector: Tensor | None = None) -> tuple[Tensor, ...]:
        """What each ResBlock adds at times `t` (B,): one (B, C, 1, 1) for each, in order."""
        dtype = self.get_parameter("time_embed.0.weight").dtype
        wave = sinusoidal(t, self.config.model_channels).to(dtype)
        embedding = self.time_embed(wave)  # (B, 4 model_channels)
        if vector is not None and self.config.vector_dim:
            embedding = embedding + self.label_emb(vector.to(dtype))
        embedding = F.silu(embedding)
        return tuple(
            module.emb_layers[1](embedding)[:, :, None, None]
            for module in self.modules()
            if isinstance(module, ResBlock)
        )

    def prompt_keys_values(self, context: Tensor) -> tuple[KeysValues, ...]:
        """The prompt's keys and values for each cross attention, in order."""
        return tuple(
            module.attn2.keys_values(context)
            for module in self.modules()
            if isinstance(module, TransformerBlock)
        )


def _run(
    block: nn.Module, x: Tensor, shifts: Iterator[Tensor], prompts: Iterator[KeysValues]
) -> Tensor:
    for layer in block.children():
        if isinstance(layer, ResBlock):
            x = layer(x, next(shifts))
        elif isinstance(layer, SpatialTransformer):
            x = layer(x, [next(prompts) for _ in layer.transformer_blocks])
        else:
            x = layer(x)
    return x


def sinusoidal(t: Tensor, dim: int) -> Tensor:
    """Times (B,) as cosines, then sines, of falling frequency: (B, dim), fp32."""
    half = dim // 2
    exponents = torch.arange(half, dtype=torch.float32, device=t.device) / half
    angles = t.float()[:, None] * torch.exp(-math.log(10000) * exponents)  # (B, half)
    return torch.cat((angles.cos(), angles.sin()), 1)


class ResBlock(nn.Module):
    """Two convolutions with a skip (He et al. 2016); the time is added between them."""

    def __init__(self, incoming: int, outgoing: int, embedding: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(32, incoming), nn.SiLU(), conv3(incoming, outgoing)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outgoing))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, outgoing), nn.SiLU(), nn.Identity(), conv3(outgoing, outgoing)
        )
        same = incoming == outgoing
        self.skip_connection = nn.Identity() if same else nn.Conv2d(incoming, outgoing, 1)

    def forward(self, x: Tensor, shift: Tensor) -> Tensor:
        h = self.in_layers(x) + shift  # (B, C, H, W)
        return self.skip_connection(x) + self.out_layers(h)


class SpatialTransformer(nn.Module):
    """Transformer blocks over the latent's pixels as tokens."""

    def __init__(self, config: UNetConfig, channels: int, depth: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.linear = config.linear_projection
        self.proj_in = _projection(channels, self.linear)
        heads = config.heads(channels)
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(channels, config.context_dim, heads) for _ in range(depth)
        )
        self.proj_out = _projection(channels, self.linear)

    def forward(self, x: Tensor, prompts: Sequence[KeysValues]) -> Tensor:
        h = self.norm(x)
        if not self.linear:
            h = self.proj_in(h)
        h = h.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H W, C)
        if self.linear:
            h = self.proj_in(h)
        for block, prompt in zip(self.transformer_blocks, prompts, strict=True):
            h = block(h, prompt)
        if self.linear:
            h = self.proj_out(h)
        h = h.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)  # (B, C, H, W)
        if not self.linear:
            h = self.proj_out(h)
        return x + h


class TransformerBlock(nn.Module):
    """Self attention, cross attention to the prompt, feed-forward; each normed first."""

    def __init__(self, dim: int, context_dim: int, heads: int) -> None:
        super().__init__()
        self.attn1 = Attention(dim, dim, heads)
        self.ff = FeedForward(dim)
        self.attn2 = Attention(dim, context_dim, heads)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))

    def forward(self, x: Tensor, prompt: KeysValues) -> Tensor:
        normed = self.norm1(x)  # (B, tokens, dim)
        x = x + self.attn1(normed, self.attn1.keys_values(normed))
        x = x + self.attn2(self.norm2(x), prompt)
        return x + self.ff(self.norm3(x))


class Attention(nn.Module):
    """Multi-head attention whose keys and values are given, so that a prompt's can be kept."""

    attend: Attend

    def __init__(self, dim: int, context_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attend = scaled_dot_product
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(context_dim, dim, bias=False)
        self.to_v = nn.Linear(context_dim, dim, bias=False)
        self.to_out = nn.Sequential(nn.Linear(dim, dim))

    def keys_values(self, context: Tensor) -> KeysValues:
        """Keys and values of `context` (B, tokens, context_dim): (B, heads, tokens, head_dim)."""
        return self._split(self.to_k(context)), self._split(self.to_v(context))

    def forward(self, x: Tensor, keys_values: KeysValues) -> Tensor:
        q = self._split(self.to_q(x))  # (B, heads, tokens, head_dim)
        mixed = self.attend(q, *keys_values)  # (B, heads, tokens, head_dim)
        return self.to_out(mixed.transpose(1, 2).flatten(2))  # (B, tokens, dim)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class GEGLU(nn.Module):
    """A linear layer gated by GELU of its other half (Shazeer 2020)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, 2 * hidden)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)  # 2 × (B, tokens, hidden)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """GEGLU to four times the width, and back."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GEGLU(dim, 4 * dim), nn.Identity(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Downsample(nn.Module):
    """Half the size, by a convolution with stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


def _embedding(incoming: int, outgoing: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(incoming, outgoing), nn.SiLU(), nn.Linear(outgoing, outgoing))


def _projection(channels: int, linear: bool) -> nn.Module:
    return nn.Linear(channels, channels) if linear else nn.Conv2d(channels, channels, 1)
