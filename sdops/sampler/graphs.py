"""The UNet call compiled, or replayed as a CUDA graph; the sampler around it stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from sdops.errors import UsageError
from sdops.sampler.guidance import Predict
from sdops.sampler.unet import KeysValues, UNet

WARM_UPS = 3
"""Runs before a capture, as PyTorch's notes on CUDA graphs advise."""


class Execution(Enum):
    """How the UNet is called."""

    EAGER = "eager"
    COMPILED = "compile"
    GRAPHED = "cuda-graphs"
    COMPILED_AND_GRAPHED = "compile+cuda-graphs"


def prepare(unet: UNet, execution: Execution) -> Predict:
    """`unet.predict` in the form that `execution` asks for.

    Raises:
        UsageError: CUDA graphs are asked for where there is no CUDA.
    """
    predict: Predict = unet.predict
    if execution in (Execution.COMPILED, Execution.COMPILED_AND_GRAPHED):
        predict = torch.compile(predict, dynamic=False)
    if execution in (Execution.GRAPHED, Execution.COMPILED_AND_GRAPHED):
        if next(unet.parameters()).device.type != "cuda":
            raise UsageError("CUDA graphs need an NVIDIA GPU.", "Leave out --cuda-graphs.")
        predict = Graphed(predict)
    return predict


class Graphed:
    """A UNet call whose kernels are recorded once for each shape, then replayed in one launch."""

    def __init__(self, predict: Predict) -> None:
        self.predict = predict
        self._recordings: dict[tuple[torch.Size, ...], _Recording] = {}

    def __call__(
        self, x: Tensor, shifts: Sequence[Tensor], keys_values: Sequence[KeysValues]
    ) -> Tensor:
        """As `UNet.predict`."""
        shapes = (x.shape, keys_values[0][0].shape)
        if shapes not in self._recordings:
            self._recordings[shapes] = _Recording(self.predict, x, shifts, keys_values)
        return self._recordings[shapes].replay(x, shifts, keys_values)


class _Recording:
    """One recorded call: the tensors it reads, the one it writes, and the graph between."""

    def __init__(
        self,
        predict: Predict,
        x: Tensor,
        shifts: Sequence[Tensor],
        keys_values: Sequence[KeysValues],
    ) -> None:
        self.x = x.clone()
        self.shifts = tuple(shift.clone() for shift in shifts)
        self.keys_values = tuple((k.clone(), v.clone()) for k, v in keys_values)
        self.prompt: Any = keys_values
        self.graph = torch.cuda.CUDAGraph()

        def run() -> Tensor:
            return predict(self.x, self.shifts, self.keys_values)

        with torch.cuda.device(x.device):  # of several GPUs, streams belong to the current one
            stream: Any = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    run()
            torch.cuda.current_stream().wait_stream(stream)
            with torch.cuda.graph(self.graph):
                self.output = run()

    def replay(
        self, x: Tensor, shifts: Sequence[Tensor], keys_values: Sequence[KeysValues]
    ) -> Tensor:
        """The output for new inputs of the same shapes."""
        self.x.copy_(x)
        torch._foreach_copy_(list(self.shifts), list(shifts))
        if keys_values is not self.prompt:  # the prompt rarely changes between steps
            for held, given in zip(self.keys_values, keys_values, strict=True):
                held[0].copy_(given[0])
                held[1].copy_(given[1])
            self.prompt = keys_values
        with torch.cuda.device(self.x.device):
            self.graph.replay()
        return self.output.clone()
