"""Acting as if a device had less memory, and counting what is taken where the device does not."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sdops.bench.device import Device
from sdops.sampler.memory import Memory
from sdops.sampler.weights import Parts

OUT_OF_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
)
"""What torch and the libraries under it say, in lower case."""


class Tally(TorchDispatchMode):
    """Counts the memory of the tensors that are made while it is on.

    Args:
        limit_bytes: the most that they may take together; None for as much as there is.

    Attributes:
        bytes: what those that are still alive take.
        peak_bytes: the most that was taken at once.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        super().__init__()
        self.limit_bytes = limit_bytes
        self.bytes = self.peak_bytes = 0
        self._alive: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation, then count what it made that did not exist."""
        known = {_address(tensor) for tensor in tree_leaves((args, kwargs)) if _is_tensor(tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in filter(_is_tensor, tree_leaves(result)):
            if _address(tensor) not in known:
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        address, size = storage.data_ptr(), storage.nbytes()
        if not size or address in self._alive:
            return
        self._alive.add(address)
        self.bytes += size
        self.peak_bytes = max(self.peak_bytes, self.bytes)
        weakref.finalize(storage, self._let_go, address, size)
        if self.limit_bytes is not None and self.bytes > self.limit_bytes:
            raise torch.OutOfMemoryError(
                f"{self.bytes} bytes are needed, and the limit is {self.limit_bytes}."
            )

    def _let_go(self, address: int, size: int) -> None:
        self._alive.discard(address)
        self.bytes -= size


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor)


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that there is not enough memory, on any device."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in OUT_OF_MEMORY)


class Meter:
    """What `measured` saw.

    Attributes:
        peak_bytes: the most that was taken on the device, weights included.
        left_bytes: what was still taken at the end and not before.
    """

    peak_bytes = 0
    left_bytes = 0


@contextmanager
def measured(device: Device, limit_bytes: int | None, resting_bytes: int = 0) -> Iterator[Meter]:
    """Measure the memory that the block takes, and act as if there were no more than the limit.

    Args:
        device: where it computes.
        limit_bytes: the memory to act as if there were; None for all there is.
        resting_bytes: on devices without memory of their own, what the weights would take there.

    Raises:
        torch.OutOfMemoryError: from within, where the limit is passed.
    """
    meter = Meter()
    if not device.has_own_memory:
        left = None if limit_bytes is None else limit_bytes - resting_bytes
        if left is not None and left < 0:
            raise torch.OutOfMemoryError("The weights alone are larger than the limit.")
        tally = Tally(left)
        try:
            with tally:
                yield meter
        finally:
            meter.peak_bytes = tally.peak_bytes + resting_bytes
            gc.collect()
            meter.left_bytes = tally.bytes
        return
    device.forget_peak()
    before = device.allocated_bytes()
    if limit_bytes is not None:
        device.limit_memory(limit_bytes)
    try:
        yield meter
    finally:
        if limit_bytes is not None:
            device.limit_memory(None)
        meter.peak_bytes = device.peak_bytes()
        meter.left_bytes = device.allocated_bytes() - before


def resting_bytes(parts: Parts, policy: Memory) -> int:
    """What the weights of a model take on a device at once under a memory policy."""
    modules = list(parts.by_prefix().values())
    sizes = [sum(p.nbytes for p in module.parameters()) for module in modules]
    if policy is Memory.ALL:
        return sum(sizes)
    if policy is Memory.PARTS:
        return max(sizes)
    layers = [
        sum(p.nbytes for p in layer.parameters(recurse=False)) for layer in parts.unet.modules()
    ]
    others = [size for module, size in zip(modules, sizes, strict=True) if module is not parts.unet]
    return max(*layers, *others)
