"""Layers that several models have in common."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Upsample(nn.Module):
    """Twice the size, by repeating pixels, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def conv3(incoming: int, outgoing: int) -> nn.Conv2d:
    """A 3 × 3 convolution that keeps the size."""
    return nn.Conv2d(incoming, outgoing, 3, padding=1)


def embedding(entries: int, width: int) -> nn.Embedding:
    """A table of `entries` vectors, not yet filled.

    `nn.Embedding` would fill it; on the meta device that makes torch import its compiler, 1.5 s.
    """
    return nn.Embedding.from_pretrained(torch.empty(entries, width))
