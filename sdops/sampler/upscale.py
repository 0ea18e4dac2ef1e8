"""Pictures and latents at other sizes, and pictures as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sdops.dialect.names import look_up
from sdops.dialect.options import LATENT_UPSCALERS, PICTURE_UPSCALERS

if TYPE_CHECKING:
    from PIL import Image


def resize_latent(latent: Tensor, size: tuple[int, int], upscaler: str) -> Tensor:
    """`latent` (B, C, h, w) at another `size` (h', w')."""
    how = look_up("upscaler", upscaler, LATENT_UPSCALERS)
    return F.interpolate(latent, size=size, **how)


def resize_picture(picture: Image.Image, width: int, height: int, upscaler: str) -> Image.Image:
    """`picture` at another size."""
    from PIL import Image

    method = look_up("upscaler", upscaler, PICTURE_UPSCALERS)
    return picture.resize((width, height), Image.Resampling[method])


def to_tensor(picture: Image.Image, width: int, height: int) -> Tensor:
    """`picture`, resized if need be, as (1, 3, height, width) in -1…1."""
    rgb = picture.convert("RGB")
    if rgb.size != (width, height):
        rgb = resize_picture(rgb, width, height, "Lanczos")
    pixels = torch.from_numpy(np.asarray(rgb, dtype=np.float32).copy())  # (height, width, 3)
    return pixels.permute(2, 0, 1)[None] / 127.5 - 1


def to_picture(pixels: Tensor) -> Image.Image:
    """`pixels` (3, height, width), about -1…1, as a picture; truncated to 8 bits, as in A1111."""
    from PIL import Image

    unit = ((pixels.float() + 1) / 2).clamp(0, 1)
    return Image.fromarray((unit * 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy())


def paste_back(picture: Image.Image, source: Image.Image, mask: Image.Image) -> Image.Image:
    """`picture` where `mask` lets paint, `source` elsewhere; half of white is enough (A1111)."""
    from PIL import Image

    kept = resize_picture(source.convert("RGB"), *picture.size, "Lanczos")
    painted = resize_picture(mask, *picture.size, "Lanczos").point(lambda gray: min(2 * gray, 255))
    return Image.composite(picture, kept, painted)


def mask_tensor(mask: Image.Image, width: int, height: int) -> Tensor:
    """`mask` as (1, 1, height, width): 1 where it is white, 0 where black, nothing between."""
    gray = resize_picture(mask.convert("L"), width, height, "Lanczos")
    return torch.from_numpy(np.around(np.asarray(gray, dtype=np.float32) / 255))[None, None]
