"""Which part computes in which type of number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from sdops.sampler.attention import HALF_ONLY, Attend, backend, scaled_dot_product, upcast
from sdops.sampler.unet import GEGLU


@dataclass(frozen=True, slots=True)
class Precision:
    """A precision policy; latents, levels and the samplers' arithmetic are always fp32."""

    unet: torch.dtype
    text: torch.dtype
    vae: torch.dtype
    tf32: bool = False
    """Whether an NVIDIA GPU may round the inputs of fp32 products to 10 bits."""
    islands: bool = False
    """Whether norms and gates of the UNet are in fp32 (A1111's --upcast-sampling)."""
    upcast_attention: bool = False
    """Whether the UNet's attention is in fp32 (A1111's setting "Upcast cross attention")."""

    def no_half_vae(self) -> Precision:
        """The same with the VAE in fp32 (--no-half-vae)."""
        return replace(self, vae=torch.float32)

    def upcast_sampling(self) -> Precision:
        """The same with fp32 islands in the UNet (--upcast-sampling)."""
        return replace(self, islands=True)

    def attend(self, name: str, device: torch.device) -> Attend:
        """The attention back-end called `name` as this policy wants it; errors as in `backend`.

        In fp32 PyTorch chooses, where the device has the kernel for 16 bits only.
        """
        attend = backend(name)
        is_exact = self.upcast_attention or self.unet is torch.float32
        if is_exact and device.type == "cuda" and name.casefold() in HALF_ONLY:
            attend = scaled_dot_product
        return upcast(attend) if self.upcast_attention else attend


def _all(dtype: torch.dtype, tf32: bool = False) -> Precision:
    return Precision(dtype, dtype, dtype, tf32)


PRECISIONS = {
    "fp32": _all(torch.float32),
    "tf32": _all(torch.float32, tf32=True),
    "fp16": _all(torch.float16, tf32=True),
    "bf16": _all(torch.bfloat16, tf32=True),
}
"""The policies by the name that `--precision` takes."""


@contextmanager
def tf32_as(precision: Precision) -> Iterator[None]:
    """Let the GPU use TF32 inside, or not, as `precision` says; restores what was set."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = precision.tf32
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def make_islands(unet: nn.Module) -> None:
    """Put the layers whose values overflow fp16 first in fp32, casting around them."""
    for module in unet.modules():
        if isinstance(module, nn.GroupNorm | nn.LayerNorm | GEGLU):
            dtype = next(module.parameters()).dtype
            module.float()
            module.register_forward_pre_hook(_to_fp32)
            module.register_forward_hook(partial(_cast_back, dtype))


def _to_fp32(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:  # noqa: ARG001
    return tuple(tensor.float() for tensor in inputs)


def _cast_back(dtype: torch.dtype, _: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return output.to(dtype)
