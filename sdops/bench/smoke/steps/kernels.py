"""Does the device compute right? One matrix product and one convolution in each precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from sdops.bench.device import REFUSALS, Device, first_line
from sdops.bench.difference import relative_error
from sdops.bench.limits import limit
from sdops.bench.smoke.step import Fault, Step, judged
from sdops.sampler.precision import PRECISIONS, tf32_as

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""The precisions that pictures are made in."""
SIDE, CHANNELS, PIXELS = 256, 64, 32
Kernel = Callable[[Tensor, Tensor], Tensor]


def try_kernels(device: Device, precision: str) -> Step:
    """The step "device and kernels"; `precision` is that of the pictures to be made."""
    errors: dict[str, dict[str, float]] = {}
    refused: list[str] = []
    for name, dtype in DTYPES.items():
        try:
            errors[name] = {
                kind: _error(kernel, inputs, dtype, device) for kind, kernel, inputs in _kernels()
            }
        except REFUSALS as error:
            refused.append(f"{name} ({first_line(error)})")
    needed = dict.fromkeys(("fp32", precision))
    lacking = [name for name in needed if name in DTYPES and name not in errors]
    faults = (*_refusals(device, lacking, refused), *_faults(device, errors))
    worst = {name: max(both.values()) for name, both in errors.items()}
    detail = ", ".join(f"{name} {error:.1e}" for name, error in worst.items())
    detail = f"{device.title}: relative error {detail}" if worst else f"{device.title}: none runs"
    if refused:
        detail += f"; refused: {', '.join(refused)}"
    return judged("device and kernels", detail, faults, {"relative_error": errors})


def _kernels() -> Iterator[tuple[str, Kernel, tuple[Tensor, Tensor]]]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    yield "matmul", torch.matmul, (normal(SIDE, SIDE), normal(SIDE, SIDE))
    picture, weights = normal(1, CHANNELS, PIXELS, PIXELS), normal(CHANNELS, CHANNELS, 3, 3)
    yield "convolution", _convolve, (picture, weights)


def _convolve(picture: Tensor, weights: Tensor) -> Tensor:
    return F.conv2d(picture, weights, padding=1)


def _error(
    kernel: Kernel, inputs: tuple[Tensor, Tensor], dtype: torch.dtype, device: Device
) -> float:
    """The error of `kernel` in `dtype`, against fp64 on the CPU with inputs rounded alike."""
    rounded = [tensor.to(dtype) for tensor in inputs]
    with tf32_as(PRECISIONS["fp32"]):
        found = kernel(*(tensor.to(device.name) for tensor in rounded))
        reference = kernel(*(tensor.double() for tensor in rounded))
        return relative_error(found, reference)


def _refusals(device: Device, lacking: list[str], refused: list[str]) -> Iterator[Fault]:
    if lacking:
        yield Fault(
            "smoke-kernels-refused",
            f"torch cannot compute in {' and '.join(lacking)} on {device.title}",
            f"Refused: {'; '.join(refused)}.",
            advice="`sdops doctor --deep` says whether torch has code for this device; where only"
            " one precision is refused, choose another.",
        )


def _faults(device: Device, errors: dict[str, dict[str, float]]) -> Iterator[Fault]:
    bound = limit("kernel")
    wrong = [
        f"{kernel} in {precision} is off by {error:.1e} (at most {bound.at(precision):.0e})"
        for precision, both in errors.items()
        for kernel, error in both.items()
        if not bound.holds(error, precision)
    ]
    if wrong:
        yield Fault(
            "smoke-kernels-wrong",
            f"{device.title} computes wrong results",
            f"{'; '.join(wrong)}.",
            advice="Reset overclocking, update the driver, install the torch that"
            " `sdops env plan` names; if it stays, the card is failing.",
        )
