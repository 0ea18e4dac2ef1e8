"""Random numbers that make a seed mean the same picture here as in A1111."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from sdops.dialect.names import look_up
from sdops.dialect.options import SEEDS, Variation

Stream = Callable[[Sequence[int]], Tensor]
"""Draws unit normals of a shape; each call goes on where the last ended."""
StepNoise = Callable[[float, float], Tensor]
"""Unit normals (B, C, h, w) for the step between two noise levels."""


def cpu_stream(seed: int, device: torch.device) -> Stream:
    """PyTorch's generator on the CPU: the same numbers on every machine."""
    generator = torch.Generator("cpu").manual_seed(seed)
    return lambda shape: torch.randn(tuple(shape), generator=generator).to(device)


def gpu_stream(seed: int, device: torch.device) -> Stream:
    """PyTorch's generator on the device, A1111's default."""
    generator = torch.Generator(device).manual_seed(seed)
    return lambda shape: torch.randn(tuple(shape), generator=generator, device=device)


def nv_stream(seed: int, device: torch.device) -> Stream:
    """What an NVIDIA GPU draws, computed anywhere (`philox_normals`)."""
    draws = 0

    def draw(shape: Sequence[int]) -> Tensor:
        nonlocal draws
        values = philox_normals(seed, draws, math.prod(shape))
        draws += 1
        return torch.from_numpy(values).reshape(tuple(shape)).to(device)

    return draw


STREAMS = {"CPU": cpu_stream, "GPU": gpu_stream, "NV": nv_stream}
"""The sources of noise by the name that users and infotext give them."""
PHILOX_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
PHILOX_WEYL = (0x9E3779B9, 0xBB67AE85)
PHILOX_ROUNDS = 10
TO_UNIT = np.float32(2.3283064e-10)
TO_ANGLE = np.float32(2.3283064e-10 * 6.2831855)


def philox_4x32(counter: np.ndarray, seed: int) -> np.ndarray:
    """Philox4x32-10 (Salmon et al. 2011) of counters (4, N), uint32: four words each, (4, N)."""
    low, high = np.uint64(0xFFFFFFFF), np.uint64(32)
    keys = [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF]
    c0, c1, c2, c3 = counter.astype(np.uint64)
    for _ in range(PHILOX_ROUNDS):
        first = c0 * np.uint64(PHILOX_MULTIPLIERS[0])
        second = c2 * np.uint64(PHILOX_MULTIPLIERS[1])
        k0, k1 = (np.uint64(key) for key in keys)
        c0, c1, c2, c3 = (
            (second >> high) ^ c1 ^ k0,
            second & low,
            (first >> high) ^ c3 ^ k1,
            first & low,
        )
        keys = [(key + weyl) & 0xFFFFFFFF for key, weyl in zip(keys, PHILOX_WEYL, strict=True)]
    return np.stack((c0, c1, c2, c3)).astype(np.uint32)


def philox_normals(seed: int, draw: int, count: int) -> np.ndarray:
    """The `draw`-th draw of `count` unit normals, fp32, as torch.randn gives them on CUDA."""
    counter = np.zeros((4, count), np.uint32)
    counter[0], counter[2] = draw, np.arange(count)
    words = philox_4x32(counter, seed)
    u = words[0] * TO_UNIT + TO_UNIT / 2
    v = words[1] * TO_ANGLE + TO_ANGLE / 2
    normals = np.sqrt(-2.0 * np.log(u)) * np.sin(v)  # Box & Muller (1958)
    return normals.astype(np.float32)


class PictureNoise:
    """The noise of a batch; each picture draws from generators of its own.

    Args:
        shape: (C, h, w) of a latent.
        seeds: one for each picture.
        source: `CPU`, `GPU` or `NV`.
        device: where the noise is wanted.
        variation: how to bend the first noise.
        seed_delta: ENSD, added to the seeds once the first noise is drawn.

    Raises:
        UsageError: there is no such source.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        seeds: Sequence[int],
        source: str = "GPU",
        device: torch.device | str = "cpu",
        variation: Variation | None = None,
        seed_delta: int = 0,
    ) -> None:
        make = look_up("source of noise", source, STREAMS)
        self.shape, self.seeds, self.seed_delta = shape, tuple(seeds), seed_delta
        self.variation = variation or Variation()
        self._stream = lambda seed: make(seed % SEEDS, torch.device(device))
        self._streams = [self._stream(seed) for seed in self.seeds]

    def first(self) -> Tensor:
        """The noise that sampling starts from: (B, C, h, w), fp32."""
        noise = torch.stack([self._first(number) for number in range(len(self.seeds))])
        if self.seed_delta:
            self._streams = [self._stream(seed + self.seed_delta) for seed in self.seeds]
        return noise

    def next(self) -> Tensor:
        """The next noise of each picture: (B, C, h, w), fp32."""
        return torch.stack([draw(self.shape) for draw in self._streams])

    def step(self, sigma: float, sigma_next: float) -> Tensor:  # noqa: ARG002
        """The same as `next`, as `StepNoise`: for samplers whose noise knows no time."""
        return self.next()

    def brownian(self, sigma_min: float, sigma_max: float) -> StepNoise:
        """Noise that depends on the levels alone, not on how many steps lie between them."""
        trees = [
            BrownianTree(seed, self._stream, self.shape, sigma_min, sigma_max)
            for seed in self.seeds
        ]

        def noise(sigma: float, sigma_next: float) -> Tensor:
            increments = torch.stack([tree.between(sigma_next, sigma) for tree in trees])
            return -increments / (sigma - sigma_next) ** 0.5

        return noise

    def _first(self, number: int) -> Tensor:
        seed, source = self.seeds[number], self.variation.resize_from
        shape = (self.shape[0], source[0] // 8, source[1] // 8) if source else self.shape
        draw = self._streams[number]
        noise = (self._stream(seed) if shape != self.shape else draw)(shape)
        if self.variation.strength and self.variation.seeds:
            other = self._stream(self.variation.seeds[number])(shape)
            noise = slerp(self.variation.strength, noise, other)
        return paste_centered(noise, draw(self.shape)) if shape != self.shape else noise


def slerp(share: float, low: Tensor, high: Tensor) -> Tensor:
    """From `low` to `high` along the sphere; directions are columns (dimension 1), as in A1111."""
    low_unit = low / low.norm(dim=1, keepdim=True)
    high_unit = high / high.norm(dim=1, keepdim=True)
    cosine = (low_unit * high_unit).sum(1)
    if cosine.mean() > 0.9995:
        return low * share + high * (1 - share)  # A1111 has the shares the other way round here
    angle = cosine.acos()
    low_share = ((1 - share) * angle).sin() / angle.sin()
    high_share = (share * angle).sin() / angle.sin()
    return low_share.unsqueeze(1) * low + high_share.unsqueeze(1) * high


def paste_centered(noise: Tensor, canvas: Tensor) -> Tensor:
    """`canvas` (C, H, W) with the middle of `noise` (C, h, w) in its middle."""
    canvas = canvas.clone()
    target = canvas
    for axis in (1, 2):
        margin = (canvas.shape[axis] - noise.shape[axis]) // 2
        size = noise.shape[axis] + 2 * min(margin, 0)
        noise = noise.narrow(axis, max(-margin, 0), size)
        target = target.narrow(axis, max(margin, 0), size)
    target.copy_(noise)
    return canvas


TIME_DIGITS = 6
"""Times in a Brownian tree are rounded to this many digits, as in torchsde."""
ENTROPY_POOL = 24


class BrownianTree:
    """One Brownian path over [start, end], the same however it is queried.

    The virtual Brownian tree of Li et al. 2020 (arXiv 2001.01328) with torchsde's seeds, so that
    a seed gives the same path as there.

    Args:
        seed: the path.
        stream: makes the generator for a seed.
        shape: of the path's value.
        start: the lowest time.
        end: the highest.
    """

    def __init__(
        self,
        seed: int,
        stream: Callable[[int], Stream],
        shape: Sequence[int],
        start: float,
        end: float,
    ) -> None:
        self.start, self.end = start, end

        def normals(entropy: np.random.SeedSequence) -> Tensor:
            return stream(int(entropy.generate_state(1)[0]))(shape)

        root = np.random.SeedSequence(seed, pool_size=ENTROPY_POOL)
        self._root = normals(root) * (end - start) ** 0.5

        @lru_cache(maxsize=64)  # neighboring queries share the upper nodes
        def node_normals(key: int, depth: int) -> Tensor:
            branch = np.random.SeedSequence(seed, spawn_key=(key, depth), pool_size=ENTROPY_POOL)
            return normals(branch)

        self._normals = node_normals

    def between(self, low: float, high: float) -> Tensor:
        """The path's increment from time `low` to `high`, both clamped to the interval."""
        ends = (min(max(t, self.start), self.end) for t in (low, high))
        low, high = (round(t, TIME_DIGITS) for t in ends)
        whole = round(self.start, TIME_DIGITS), round(self.end, TIME_DIGITS)
        return self._increment(low, high, whole, self._root, 0, 0)

    def _increment(
        self,
        low: float,
        high: float,
        node: tuple[float, float],
        increment: Tensor,
        key: int,
        depth: int,
    ) -> Tensor:
        start, end = node
        if low >= high:
            return torch.zeros_like(increment)
        if low <= start and high >= end:
            return increment
        middle = round((start + end) / 2, TIME_DIGITS)
        share = (middle - start) / (end - start)
        deviation = ((middle - start) * (end - middle) / (end - start)) ** 0.5
        left = share * increment + deviation * self._normals(key, depth)
        parts = []
        if low < middle:
            bounds = (low, min(high, middle))
            parts.append(self._increment(*bounds, (start, middle), left, 2 * key, depth + 1))
        if high > middle:
            bounds = (max(low, middle), high)
            right = increment - left
            parts.append(self._increment(*bounds, (middle, end), right, 2 * key + 1, depth + 1))
        return sum(parts[1:], parts[0])
