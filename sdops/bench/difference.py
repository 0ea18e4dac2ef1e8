"""How far two results are apart."""

from __future__ import annotations

import math

from torch import Tensor


def relative_error(found: Tensor, reference: Tensor) -> float:
    """|found - reference| / |reference|, L2 over all elements; NaN if one is not a number."""
    wanted = reference.cpu().double()
    return ((found.cpu().double() - wanted).norm() / wanted.norm()).item()


def psnr(found: Tensor, reference: Tensor) -> float:
    """Peak signal to noise ratio in dB of pictures in -1…1; inf if they are the same."""
    error = (found.cpu().double().clamp(-1, 1) - reference.cpu().double().clamp(-1, 1)).square()
    mean = error.mean().item()
    if math.isnan(mean):
        return mean
    return math.inf if mean == 0 else 10 * math.log10(4 / mean)


def cosine(one: Tensor, other: Tensor) -> float:
    """The cosine of the angle between two tensors, taken as vectors."""
    a, b = one.cpu().double().flatten(), other.cpu().double().flatten()
    return (a @ b / (a.norm() * b.norm())).item()
