"""CLIP-L's text encoder, named as in Hugging Face's weights (Radford et al. 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdops.sampler.configuration import TextConfig
from sdops.sampler.layers import embedding


class ClipText(nn.Module):
    """A causal transformer over tokens."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.encoder = nn.ModuleDict({"layers": layers})
        self.final_layer_norm = nn.LayerNorm(config.width)

    def forward(self, ids: Tensor) -> tuple[Tensor, ...]:
        """The hidden states of `ids` (B, 77): embeddings, then after each layer, (B, 77, width)."""
        states = [self.embeddings(ids)]
        for layer in self.encoder["layers"].children():
            states.append(layer(states[-1]))
        return tuple(states)


class Embeddings(nn.Module):
    """What a token is, plus where it stands."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.token_embedding = embedding(config.vocabulary, config.width)
        self.position_embedding = embedding(config.positions, config.width)

    def forward(self, ids: Tensor) -> Tensor:
        return self.token_embedding(ids) + self.position_embedding.weight  # (B, 77, width)


class Layer(nn.Module):
    """Attention and a two-layer perceptron, each normed first."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.self_attn = CausalAttention(config.width, config.heads)
        self.layer_norm1 = nn.LayerNorm(config.width)
        self.mlp = Perceptron(config.width, config.hidden)
        self.layer_norm2 = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class CausalAttention(nn.Module):
    """Each token attends to itself and those before it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (
            nn.Linear(width, width) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, 77, head_dim)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))  # (B, 77, width)


class Perceptron(nn.Module):
    """Two linear layers around a quick approximation of GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc1(x)
        return self.fc2(h * torch.sigmoid(1.702 * h))
