"""One step of Stable Diffusion 1.5 on the CPU: sdops and diffusers, same weights, same run.

    python -m benchmarks.sampler_cpu [--size 64] [--repeats 7]

A step is what a sampler asks for: prompt and negative prompt in one batch of 2, fp32, guidance.
The two take turns, so that what else the machine does falls on both. Prints Markdown.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from sdops.sampler.conditioning import Conditioning, Encoded
from sdops.sampler.configuration import architecture
from sdops.sampler.guidance import Epsilon, Guidance, GuidedModel, Predictor
from sdops.sampler.schedule import NoiseLevels
from sdops.sampler.weights import build, randomize
from tests.sampler.oracles import diffusers_unet, relative_error

SIGMA, SCALE = 7.0, 7.0


def timed(step: Callable[[], Tensor]) -> tuple[float, Tensor]:
    start = time.perf_counter()
    result = step()
    return time.perf_counter() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64, help="latent pixels of a side")
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()

    parts = randomize(build(architecture("sd15")))
    oracle = diffusers_unet(parts)  # the same tensors, not a copy
    levels = NoiseLevels.scaled_linear()
    t = Epsilon(levels).time(SIGMA)
    context = torch.randn(2, 77, 768)
    x = torch.randn(1, 4, arguments.size, arguments.size) * SIGMA
    scheduled = [((1 << 30, Encoded(row, None)),) for row in context]
    conditioning = Conditioning(((1.0, scheduled[0]),), scheduled[1])
    model = GuidedModel(Predictor(parts.unet), Epsilon(levels), [conditioning], Guidance(SCALE))
    model.predictor.times = (t,)

    def ours() -> Tensor:
        return model(x, SIGMA)

    def theirs() -> Tensor:
        scaled = (x / (SIGMA**2 + 1) ** 0.5).repeat(2, 1, 1, 1)
        positive, negative = oracle(scaled, t, context).sample.chunk(2)
        return x - SIGMA * (negative + SCALE * (positive - negative))

    times: dict[str, list[float]] = {"sdops": [], "diffusers": []}
    with torch.inference_mode():
        error = relative_error(ours(), theirs())  # the first of each also warms up
        for _ in range(arguments.repeats):
            times["sdops"].append(timed(ours)[0])
            times["diffusers"].append(timed(theirs)[0])
    report(times, error, arguments.size)


def report(times: dict[str, list[float]], error: float, size: int) -> None:
    import diffusers

    versions = f"torch {torch.__version__}, diffusers {diffusers.__version__}"
    machine = f"{torch.get_num_threads()} threads of {platform.machine()}"
    work = f"SD 1.5, {size} × {size} latents, batch 2, fp32, random weights"
    print(f"{versions}; {machine}; {work}\n")
    print("| | median s | fastest s | slowest s |\n|---|---|---|---|")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"| {name} | {middle:.3f} | {min(seconds):.3f} | {max(seconds):.3f} |")
    pairs = zip(times["sdops"], times["diffusers"], strict=True)
    ratio = statistics.median(theirs / ours for ours, theirs in pairs)
    print(f"\nMedian of diffusers / sdops, pair by pair: {ratio:.3f}. Relative error: {error:.1e}.")


if __name__ == "__main__":
    main()
