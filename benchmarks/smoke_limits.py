"""Measures how far each precision drifts from fp32: what the smoke test's limits are set by.

    python benchmarks/smoke_limits.py [DEVICE] [ARCHITECTURE …]

Prints a Markdown table of the largest drift over three seeds of random weights.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from sdops.bench.limits import limit
from sdops.bench.smoke.run import planned, smoke

SEEDS = 3
LIMITS = {"text encoder": "text", "UNet": "unet", "VAE": "vae"}


def drifts(device: str, architecture: str) -> dict[tuple[str, str], float]:
    """The largest drift by part and precision; of the VAE the smallest PSNR."""
    worst: dict[tuple[str, str], float] = {}
    for seed in range(SEEDS):
        plan = planned(device=device, architecture=architecture)
        outcome = smoke(replace(plan, subject=replace(plan.subject, seed=seed)))
        for step in outcome.steps:
            for precision in ("fp16", "bf16"):
                if step.name in LIMITS:
                    choose = min if step.name == "VAE" else max
                    found = step.measured[precision]
                    key = step.name, precision
                    worst[key] = choose(worst.get(key, found), found)
    return worst


def main() -> None:
    device, *architectures = sys.argv[1:] or ["cpu"]
    print("| architecture | part | precision | drift | limit |\n|---|---|---|---|---|")
    for architecture in architectures or ("tiny-sd15", "tiny-sd21", "tiny-sdxl"):
        for (part, precision), drift in drifts(device, architecture).items():
            bound = limit(LIMITS[part]).at(precision)
            print(
                f"| {architecture} | {part} | {precision} | {drift:.3g} | {bound:.3g} |", flush=True
            )


if __name__ == "__main__":
    main()
