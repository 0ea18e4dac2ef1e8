"""Doing with less memory: parts that take turns on the device, and a VAE that works in tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

import torch
from torch import Tensor, nn


class Memory(Enum):
    """A memory policy."""

    ALL = "all"
    """Everything stays on the device."""
    PARTS = "parts"
    """Text encoders, UNet and VAE take turns (A1111's --medvram)."""
    LAYERS = "layers"
    """The UNet's layers do too, one by one (--lowvram)."""


class Residence:
    """Where the parts of a model live, and how they come to the device.

    Args:
        policy: what stays on the device.
        device: where to compute.
    """

    def __init__(self, policy: Memory, device: torch.device) -> None:
        self.policy, self.device = policy, device

    def settle(self, module: nn.Module, dtype: torch.dtype) -> None:
        """Put a part where it is while it rests; a GPU casts what comes to it by itself."""
        module.to("cpu" if self.policy is not Memory.ALL else self.device, dtype)

    @contextmanager
    def present(self, *modules: nn.Module) -> Iterator[None]:
        """Have parts on the device inside, and back at rest afterwards."""
        visits = [
            _Visit(layer, self.device)
            for module in modules
            for layer in module.modules()
            if self.policy is not Memory.ALL and not hasattr(layer, "visit")
        ]
        try:
            for visit in visits:
                visit.come()
            yield
        finally:
            for visit in visits:
                visit.go()

    def visit_layer_by_layer(self, module: nn.Module) -> None:
        """Let each layer of `module` come to the device only while it computes."""
        for layer in module.modules():
            if not list(layer.children()) and list(layer.parameters()):
                visit = _Visit(layer, self.device)
                layer.visit = visit  # type: ignore[assignment]
                layer.register_forward_pre_hook(visit.come)
                layer.register_forward_hook(visit.go, always_call=True)


class _Visit:
    """Brings a layer's own weights to the device, and lets them go; usable as hooks."""

    def __init__(self, layer: nn.Module, device: torch.device) -> None:
        self.layer, self.device = layer, device
        self.resting: dict[str, nn.Parameter] = {}

    def come(self, *_: object) -> None:
        self.resting = dict(self.layer.named_parameters(recurse=False))
        for name, parameter in self.resting.items():
            moved = parameter.to(self.device, non_blocking=True)
            setattr(self.layer, name, nn.Parameter(moved, requires_grad=False))

    def go(self, *_: object) -> None:
        for name, parameter in self.resting.items():
            setattr(self.layer, name, parameter)
        self.resting = {}


def tiled(
    function: Callable[[Tensor], Tensor], x: Tensor, tile: int, overlap: int, scale: float
) -> Tensor:
    """`function` of `x` (B, C, H, W) piece by piece, blended where the pieces overlap.

    Args:
        function: (B, C, h, w) -> (B, C', h scale, w scale).
        x: the whole.
        tile: size of a piece's sides.
        overlap: how much neighbors share; less than `tile`.
        scale: how much larger or smaller the function's result is.
    """
    height, width = x.shape[2:]
    whole: Tensor | None = None
    weights = torch.zeros(1, 1, int(height * scale), int(width * scale), device=x.device)
    for top in _starts(height, tile, overlap):
        for left in _starts(width, tile, overlap):
            piece = function(x[:, :, top : top + tile, left : left + tile]).float()
            if whole is None:
                whole = piece.new_zeros(*piece.shape[:2], *weights.shape[2:])
            rows = _ramp(piece.shape[2], overlap * scale)[:, None]
            window = (rows * _ramp(piece.shape[3], overlap * scale)).to(piece.device)
            y, x_ = int(top * scale), int(left * scale)
            area = (..., slice(y, y + piece.shape[2]), slice(x_, x_ + piece.shape[3]))
            whole[area] += piece * window
            weights[area] += window
    assert whole is not None
    return whole / weights


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    if length <= tile:
        return [0]
    return [*range(0, length - tile, tile - overlap), length - tile]


def _ramp(length: int, overlap: float) -> Tensor:
    """Weights that rise over the overlap, stay, and fall over the other."""
    distance = torch.arange(length) + 0.5
    return torch.minimum(distance, length - distance).clamp(max=max(overlap, 1)) / max(overlap, 1)
