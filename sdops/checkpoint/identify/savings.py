"""What a file would lose in weight if `sdops prune` went over it."""

from __future__ import annotations

from collections.abc import Mapping

from sdops.checkpoint.dtypes import BY_NAME
from sdops.checkpoint.identify.components import live_names
from sdops.checkpoint.identify.identity import Identity
from sdops.checkpoint.types import Checkpoint, Tensor

_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}


PRUNABLE = ("checkpoint", "unet", "dit", "ema", "unknown", "motion")
"""Kinds of files in which there can be something that `sdops prune` takes away."""


def is_prunable(checkpoint: Checkpoint, identity: Identity) -> bool:
    """Whether `sdops prune` works on the file, whatever comes out of it."""
    known = all(tensor.dtype in BY_NAME for tensor in checkpoint.tensors)
    lost = checkpoint.numbered or checkpoint.lost_weights
    return identity.kind in PRUNABLE and known and not lost


def savings(checkpoint: Checkpoint, identity: Identity) -> Mapping[str, int]:
    """Bytes by what could go: `second_weights`, `training_state`, `half_precision`.

    `half_precision` counts only what is left after the other two.
    """
    averaged = identity.ema
    nameless = averaged.state == "only" and live_names(averaged.orphans) is None
    if nameless or not is_prunable(checkpoint, identity):
        return {}
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
