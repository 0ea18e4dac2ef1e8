"""OpenCLIP's text encoders H (SD 2) and bigG (SDXL), named as in their weights (Ilharco 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdops.sampler.configuration import TextConfig
from sdops.sampler.layers import embedding


class OpenClipText(nn.Module):
    """A causal transformer over tokens, with a projection of the end token."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.positional_embedding = nn.Parameter(torch.empty(config.positions, config.width))
        if config.projection:
            self.text_projection = nn.Parameter(torch.empty(config.width, config.projection))
        blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.transformer = nn.ModuleDict({"resblocks": blocks})
        self.token_embedding = embedding(config.vocabulary, config.width)
        self.ln_final = nn.LayerNorm(config.width)

    def forward(self, ids: Tensor) -> tuple[Tensor, ...]:
        """The hidden states of `ids` (B, 77): embeddings, then after each block, (B, 77, width)."""
        states = [self.token_embedding(ids) + self.positional_embedding]
        for block in self.transformer["resblocks"].children():
            states.append(block(states[-1]))
        return tuple(states)

    def pooled(self, ids: Tensor, last: Tensor) -> Tensor:
        """The prompt as one vector (B, projection): the `last` state (B, 77, width) at its end."""
        ends = ids.argmax(1)  # (B,), the end token has the highest number
        state = self.ln_final(last)[torch.arange(len(ids), device=ids.device), ends]
        return state @ self.text_projection


class Block(nn.Module):
    """Attention and a two-layer perceptron, each normed first."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.width)
        self.attn = FusedAttention(config.width, config.heads)
        self.ln_2 = nn.LayerNorm(config.width)
        self.mlp = Perceptron(config.width, config.hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class FusedAttention(nn.Module):
    """Causal attention whose query, key and value projections are one matrix."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        fused = F.linear(x, self.in_proj_weight, self.in_proj_bias)  # (B, 77, 3 width)
        q, k, v = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, 77, head_dim)
            for part in fused.chunk(3, dim=2)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))  # (B, 77, width)


class Perceptron(nn.Module):
    """Two linear layers around GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, hidden)
        self.c_proj = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x)))
