"""What a file would lose in weight if `sdops prune` went over it."""

from __future__ import annotations

from collections.abc import Mapping

from sdops.checkpoint.identify.ema import Ema
from sdops.checkpoint.types import Checkpoint, Tensor

_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}


def savings(checkpoint: Checkpoint, averaged: Ema) -> Mapping[str, int]:
    """Bytes by what could go: `second_weights`, `training_state`, `half_precision`.

    `half_precision` counts only what is left after the other two.
    """
    second = set(averaged.pairs.values())
    keep = [t for t in checkpoint.tensors if t.name not in second]
    found = {
        "second_weights": sum(map(size, checkpoint.tensors)) - sum(map(size, keep)),
        "training_state": sum(map(size, checkpoint.others)),
        "half_precision": sum(size(t) - 2 * t.elements for t in keep if _BYTES.get(t.dtype, 0) > 2),
    }
    return {what: count for what, count in found.items() if count > 0}


def size(tensor: Tensor) -> int:
    """The bytes of a tensor's elements, as safetensors stores them."""
    storage = tensor.storage
    return tensor.elements * _BYTES[tensor.dtype] if tensor.dtype in _BYTES else storage.size_bytes
