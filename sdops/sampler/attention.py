"""Attention: one formula, several kernels that must agree."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from sdops.dialect.names import look_up
from sdops.errors import MissingDependencyError

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""q (B, heads, queries, d), k and v (B, heads, keys, d) -> (B, heads, queries, d)."""

QUERY_CHUNK = 1024
KEY_CHUNK = 4096


def scaled_dot_product(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q kᵀ / √d) v (Vaswani et al. 2017), with the kernel that PyTorch thinks best."""
    return F.scaled_dot_product_attention(q, k, v)


def sub_quadratic(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The same in memory that grows with the square root of the tokens (Rabe & Staats 2021)."""
    scale = q.shape[-1] ** -0.5
    return torch.cat([_streamed(part * scale, k, v) for part in q.split(QUERY_CHUNK, 2)], 2)


def _streamed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax over chunks of keys, with a running maximum; accumulates in fp32."""
    top = q.new_full((*q.shape[:3], 1), float("-inf"), dtype=torch.float32)
    weights = torch.zeros_like(top)
    values = torch.zeros(q.shape, dtype=torch.float32, device=q.device)
    for keys, held in zip(k.split(KEY_CHUNK, 2), v.split(KEY_CHUNK, 2), strict=True):
        scores = (q @ keys.transpose(2, 3)).float()  # (B, heads, queries, keys of this chunk)
        peak = torch.maximum(top, scores.amax(3, keepdim=True))
        exponentials = (scores - peak).exp()
        decay = (top - peak).exp()
        weights = weights * decay + exponentials.sum(3, keepdim=True)
        values = values * decay + (exponentials.to(held.dtype) @ held).float()
        top = peak
    return (values / weights).to(v.dtype)


def query_chunked(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Exact attention over chunks of queries, for heads wider than flash kernels take (256)."""
    return torch.cat([scaled_dot_product(part, k, v) for part in q.split(QUERY_CHUNK, 2)], 2)


def upcast(attend: Attend) -> Attend:
    """`attend` with its inputs in fp32, for models whose logits overflow fp16."""

    def attend_in_fp32(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attend(q.float(), k.float(), v.float()).to(q.dtype)

    return attend_in_fp32


def _with_kernel(kernel: SDPBackend) -> Attend:
    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        with sdpa_kernel(kernel):
            return F.scaled_dot_product_attention(q, k, v)

    return attend


def _xformers(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    from xformers.ops import memory_efficient_attention

    q, k, v = (tensor.transpose(1, 2) for tensor in (q, k, v))  # xformers: (B, tokens, heads, d)
    mixed: Tensor = memory_efficient_attention(q, k, v)
    return mixed.transpose(1, 2)


BACKENDS: dict[str, Attend] = {
    "sdpa": scaled_dot_product,
    "flash": _with_kernel(SDPBackend.FLASH_ATTENTION),
    "memory-efficient": _with_kernel(SDPBackend.EFFICIENT_ATTENTION),
    "cudnn": _with_kernel(SDPBackend.CUDNN_ATTENTION),
    "math": _with_kernel(SDPBackend.MATH),
    "xformers": _xformers,
    "sub-quadratic": sub_quadratic,
}
"""The back-ends by the name that `--attention` takes."""
HALF_ONLY = ("flash", "cudnn")
"""Those that GPUs have no fp32 kernel for."""


def backend(name: str) -> Attend:
    """The back-end called `name`.

    Raises:
        UsageError: there is none of that name.
        MissingDependencyError: xformers is asked for, and not installed or broken.
    """
    attend = look_up("attention back-end", name, BACKENDS)
    if attend is _xformers:
        try:
            importlib.import_module("xformers.ops")
        except (ImportError, OSError) as error:
            is_absent = isinstance(error, ModuleNotFoundError) and error.name == "xformers"
            what = "is not installed" if is_absent else f"cannot be loaded: {error}"
            hint = "Use the back-end sdpa instead."
            raise MissingDependencyError(f"xformers {what}.", hint) from None
    return attend


def set_attention(model: nn.Module, attend: Attend) -> None:
    """Let every layer of `model` that lets the user choose its attention use `attend`."""
    for module in model.modules():
        if hasattr(module, "attend"):
            module.attend = attend  # type: ignore[assignment]
