"""One step, and one decoded picture, of Stable Diffusion 1.5 on the CPU: sdops and diffusers.

    python -m benchmarks.sampler_cpu {step,decode} [--size 64] [--repeats 5]

A step is what a sampler asks for: prompt and negative prompt in one batch of 2, fp32, guidance.
Same weights, same process; the two take turns, so that what else the machine does falls on both.
Prints Markdown. `benchmarks.sampler_load` compares importing and loading.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from sdops.dialect.options import Guidance
from sdops.sampler.conditioning import Conditioning, Encoded
from sdops.sampler.configuration import architecture
from sdops.sampler.guidance import Epsilon, GuidedModel, Predictor
from sdops.sampler.random_weights import randomize
from sdops.sampler.schedule import NoiseLevels
from sdops.sampler.weights import Parts, build
from tests.sampler.oracles import diffusers_unet, diffusers_vae, relative_error

SIGMA, SCALE = 7.0, 7.0


Work = Callable[[], Tensor]


def step(parts: Parts, size: int) -> tuple[Work, Work]:
    """Ours and theirs: a guided step of one latent."""
    unet = diffusers_unet(parts)  # the same tensors, not a copy
    levels = NoiseLevels.scaled_linear()
    t = Epsilon(levels).time(SIGMA)
    context = torch.randn(2, 77, 768)
    x = torch.randn(1, 4, size, size) * SIGMA
    scheduled = [((1 << 30, Encoded(row, None)),) for row in context]
    conditioning = Conditioning(((1.0, scheduled[0]),), scheduled[1])
    model = GuidedModel(Predictor(parts.unet), Epsilon(levels), [conditioning], Guidance(SCALE))
    model.predictor.times = (t,)

    def theirs() -> Tensor:
        scaled = (x / (SIGMA**2 + 1) ** 0.5).repeat(2, 1, 1, 1)
        positive, negative = unet(scaled, t, context).sample.chunk(2)
        return x - SIGMA * (negative + SCALE * (positive - negative))

    return lambda: model(x, SIGMA), theirs


def decode(parts: Parts, size: int) -> tuple[Work, Work]:
    """Ours and theirs: a picture from a latent."""
    vae = diffusers_vae(parts)
    latent = torch.randn(1, 4, size, size)
    return (
        lambda: parts.vae.decode(latent),
        lambda: vae.decode(latent / vae.config.scaling_factor).sample,
    )


PARTS = {"step": step, "decode": decode}


def seconds(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--size", type=int, default=64, help="latent pixels of a side")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    ours, theirs = PARTS[arguments.part](randomize(build(architecture("sd15"))), arguments.size)
    times: dict[str, list[float]] = {"sdops": [], "diffusers": []}
    with torch.inference_mode():
        error = relative_error(ours(), theirs())  # the first of each also warms up
        for number in range(arguments.repeats):
            turns = (("sdops", ours), ("diffusers", theirs))
            for name, work in turns[:: 1 if number % 2 else -1]:
                times[name].append(seconds(work))
    print(f"{arguments.part}, {arguments.size} × {arguments.size} latent pixels, fp32\n")
    report(times, error)


def report(times: dict[str, list[float]], error: float) -> None:
    import diffusers

    versions = f"torch {torch.__version__}, diffusers {diffusers.__version__}"
    print(f"{versions}; {torch.get_num_threads()} threads of {platform.machine()}\n")
    print("| | median s | fastest s | slowest s |\n|---|---|---|---|")
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(f"| {name} | {middle:.3f} | {min(taken):.3f} | {max(taken):.3f} |")
    pairs = zip(times["sdops"], times["diffusers"], strict=True)
    ratio = statistics.median(theirs / ours for ours, theirs in pairs)
    print(f"\nMedian of diffusers / sdops, pair by pair: {ratio:.3f}. Relative error: {error:.1e}.")


if __name__ == "__main__":
    main()
