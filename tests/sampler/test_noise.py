"""Noise: published Philox values, torchsde's Brownian tree, A1111's rules for seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sdops.dialect.options import Variation
from sdops.errors import UsageError
from sdops.sampler.noise import (
    BrownianTree,
    PictureNoise,
    cpu_stream,
    nv_stream,
    paste_centered,
    philox_4x32,
    philox_normals,
    slerp,
)

from .oracles import k_diffusion, relative_error

SHAPE = (4, 6, 8)


def words(counter, key):
    """Philox of one counter; Random123's vectors give counter and key as 32-bit words."""
    seed = key[0] | key[1] << 32
    out = philox_4x32(np.array(counter, np.uint32)[:, None], seed)
    return [int(word) for word in out[:, 0]]


def test_philox_known_answers():
    """Random123's kat_vectors, philox4x32 with 10 rounds (Salmon et al. 2011)."""
    assert words([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    full = 0xFFFFFFFF
    assert words([full] * 4, [full] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    pi = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    assert words(pi, [0xA4093822, 0x299F31D0]) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def test_philox_normals_are_those_of_a_gpu():
    """torch.manual_seed(0); torch.randn(12, device="cuda"), as A1111's rng_philox.py quotes it."""
    published = [
        *(-0.92466259, -0.42534415, -2.6438457, 0.14518388),
        *(-0.12086647, -0.57972564, -0.62285122, -0.32838709),
        *(-1.07454231, -0.36314407, -1.67105067, 2.26550497),
    ]
    assert philox_normals(0, 0, 12) == pytest.approx(published, abs=1e-6)


def test_a_draw_is_the_counter_s_first_word():
    """Element i of draw k: counter (k, 0, i, 0), key (seed's low word, its high word)."""
    seed = (7 << 32) + 5
    for draw, element in ((0, 3), (2, 1), (9, 0)):
        g0, g1, _, _ = words([draw, 0, element, 0], [5, 7])
        u, v = (g0 + 0.5) / 2**32, (g1 + 0.5) / 2**32 * 2 * math.pi
        expected = math.sqrt(-2 * math.log(u)) * math.sin(v)
        assert philox_normals(seed, draw, 4)[element] == pytest.approx(expected, abs=1e-5)


def test_philox_uses_all_of_a_seed():
    low, high = philox_normals(5, 0, 64), philox_normals(5 + (1 << 32), 0, 64)
    assert not np.allclose(low, high)


def test_a_stream_goes_on():
    draw = nv_stream(0, torch.device("cpu"))
    first, second = draw((2, 2)), draw((2, 2))
    assert first.flatten().tolist() == philox_normals(0, 0, 4).tolist()
    assert second.flatten().tolist() == philox_normals(0, 1, 4).tolist()
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("source", ["CPU", "GPU", "NV"])
def test_a_batch_is_its_singles(source):
    batch = PictureNoise(SHAPE, (7, 8, 9), source)
    singles = [PictureNoise(SHAPE, (seed,), source) for seed in (7, 8, 9)]
    for draw in ("first", "next", "next"):
        together = getattr(batch, draw)()
        apart = torch.cat([getattr(single, draw)() for single in singles])
        assert torch.equal(together, apart)
        assert not torch.equal(together[0], together[1])


def test_seed_delta_comes_after_the_first_draw():
    plain, moved = (
        PictureNoise(SHAPE, (7,), "CPU"),
        PictureNoise(SHAPE, (7,), "CPU", seed_delta=31337),
    )
    assert torch.equal(plain.first(), moved.first())
    expected = torch.randn(SHAPE, generator=torch.Generator().manual_seed(7 + 31337))
    assert torch.equal(moved.next()[0], expected)
    assert not torch.equal(plain.next()[0], expected)


def test_sums_of_seeds_wrap_around():
    highest = 2**64 - 1
    moved = PictureNoise(SHAPE, (highest,), "CPU", seed_delta=8)
    moved.first()
    assert torch.equal(moved.next(), PictureNoise(SHAPE, (7,), "CPU").first())


def test_variation():
    plain = PictureNoise(SHAPE, (7, 7), "CPU").first()
    varied = PictureNoise(SHAPE, (7, 7), "CPU", variation=Variation((100, 101), 0.3)).first()
    others = PictureNoise(SHAPE, (100, 101), "CPU").first()
    for i in range(2):
        assert torch.allclose(varied[i], slerp(0.3, plain[i], others[i]))
    whole = PictureNoise(SHAPE, (7,), "CPU", variation=Variation((100,), 1.0)).first()
    assert torch.allclose(whole[0], others[0], atol=1e-5)


def test_slerp_along_columns():
    low, high = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[[0.0], [2.0]]])
    angle = math.pi / 2
    expected = torch.tensor([[[math.sin(0.75 * angle)], [2 * math.sin(0.25 * angle)]]])
    torch.testing.assert_close(slerp(0.25, low, high), expected)
    same = torch.tensor([[[1.0], [1.0]]])
    torch.testing.assert_close(slerp(0.25, same, 3 * same), 1.0 * same * 0.25 + 3 * same * 0.75)


@pytest.mark.parametrize("source", [(64, 64), (32, 96), (128, 40), (48, 64)])
def test_seed_resize(source):
    """The other size's noise stands in the middle; the rest comes from the picture's own stream."""
    height, width = source[0] // 8, source[1] // 8
    noise = PictureNoise((4, 8, 8), (7,), "CPU", variation=Variation(resize_from=source)).first()[0]
    if (height, width) == (8, 8):
        assert torch.equal(noise, PictureNoise((4, 8, 8), (7,), "CPU").first()[0])
        return
    small = torch.randn((4, height, width), generator=torch.Generator().manual_seed(7))
    own = torch.randn((4, 8, 8), generator=torch.Generator().manual_seed(7))
    top, left = (8 - height) // 2, (8 - width) // 2
    inside = noise[
        :, max(top, 0) : max(top, 0) + min(height, 8), max(left, 0) : max(left, 0) + min(width, 8)
    ]
    taken = small[
        :,
        max(-top, 0) : max(-top, 0) + min(height, 8),
        max(-left, 0) : max(-left, 0) + min(width, 8),
    ]
    assert torch.equal(inside, taken)
    untouched = noise == own
    assert untouched.sum() >= own.numel() - inside.numel()


def test_paste_keeps_an_odd_margin_on_the_far_side():
    canvas = paste_centered(torch.ones(1, 3, 3), torch.zeros(1, 6, 3))
    assert canvas[0, :, 0].tolist() == [0, 1, 1, 1, 0, 0]
    cut = paste_centered(torch.arange(7.0)[None, :, None], torch.full((1, 4, 1), -1.0))
    assert cut[0, :, 0].tolist() == [2, 3, 4, -1]


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**32 - 1, 2**40 + 7])
def test_brownian_tree_is_torchsde_s(seed):
    """k-diffusion's sampler over torchsde, query for query."""
    sampling = k_diffusion("sampling")
    x = torch.zeros(1, *SHAPE)
    oracle = sampling.BrownianTreeNoiseSampler(x, 0.0291675, 14.614642, seed=[seed])
    ours = PictureNoise(SHAPE, (seed,), "CPU").brownian(0.0291675, 14.614642)
    levels = torch.tensor([14.614642, 9.7232, 6.12345, 3.3, 1.7, 0.9, 0.31, 0.1, 0.0291675])
    for sigma, sigma_next in zip(levels.tolist(), levels[1:].tolist()):
        assert relative_error(ours(sigma, sigma_next), oracle(sigma, sigma_next)) < 1e-4
        middle = torch.tensor(sigma * sigma_next).sqrt().item()  # the levels are fp32's
        assert relative_error(ours(sigma, middle), oracle(sigma, middle)) < 1e-4


def test_brownian_noise_has_unit_variance_and_adds_up():
    tree = BrownianTree(3, lambda seed: cpu_stream(seed, torch.device("cpu")), (64, 64), 0.03, 14.6)
    for low, high in ((0.03, 14.6), (1.0, 3.0), (0.5, 0.52), (7.0, 7.001)):
        assert (tree.between(low, high) / (high - low) ** 0.5).std().item() == pytest.approx(
            1, abs=0.05
        )
    parts = tree.between(1.0, 2.5) + tree.between(2.5, 9.0)
    torch.testing.assert_close(parts, tree.between(1.0, 9.0), atol=1e-5, rtol=0)
    assert tree.between(20.0, 30.0).abs().max() == 0  # beyond the interval nothing moves


def test_unknown_source():
    with pytest.raises(UsageError, match="source of noise"):
        PictureNoise(SHAPE, (1,), "Philox")
