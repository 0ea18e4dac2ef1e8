"""How much work a step is, and how much the device can do at best."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sdops.bench.device import Device
from sdops.bench.speed.protocol import Case
from sdops.sampler.attention import set_attention
from sdops.sampler.configuration import ModelConfig
from sdops.sampler.weights import build

PEAK_RUNS = 10
CPU_SIDE, GPU_SIDE = 1024, 8192
"""Sides of the square matrices whose product is timed: large enough to fill the device."""
TOKENS = 77


def flops_per_step(config: ModelConfig, case: Case) -> int:
    """Multiplications and additions of one CFG step, counted on tensors without memory."""
    unet = build(config).unet
    set_attention(unet, _plain)
    rows, scale = 2 * case.batch, config.vae.downscale
    with torch.device("meta"), torch.inference_mode(), FlopCounterMode(display=False) as counter:
        x = torch.empty(rows, config.unet.in_channels, case.height // scale, case.width // scale)
        wave = torch.empty(rows, config.unet.vector_dim) if config.unet.vector_dim else None
        shifts = unet.time_shifts(torch.empty(rows), wave)
        context = torch.empty(rows, TOKENS, config.unet.context_dim)
        keys_values = unet.prompt_keys_values(context)
        once = counter.get_total_flops()
        unet.predict(x, shifts, keys_values)
    return int(counter.get_total_flops() - once)


def _plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention as two products, which the counter knows."""
    return (q @ k.transpose(2, 3)).softmax(3) @ v


def peak_flops(device: Device, dtype: torch.dtype) -> float:
    """Operations a second of a large matrix product here: the most that any model could reach."""
    side = CPU_SIDE if device.kind == "cpu" else GPU_SIDE
    a = torch.randn(side, side, device=device.name, dtype=torch.float32).to(dtype)
    b = a.T.contiguous()
    best = float("inf")
    for _ in range(PEAK_RUNS):
        device.synchronize()
        begin = time.perf_counter()
        a @ b
        device.synchronize()
        best = min(best, time.perf_counter() - begin)
    return float(2 * side**3 / best)
