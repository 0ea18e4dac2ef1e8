"""One forward of each full-size model on the CPU, compared with diffusers and transformers.

    python -m benchmarks.sampler_full_size [sd15|sdxl …] > docs/measurements/sampler-full-size.md

Each model is measured in a process of its own, with random weights that both implementations
share; fp32. Needs 12 GB of memory for SDXL's UNet.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

PARTS = ("unet", "vae-decode", "vae-encode", "text")
LATENT = 64


def main() -> None:
    import diffusers
    import torch
    import transformers

    versions = f"torch {torch.__version__}, diffusers {diffusers.__version__}"
    print("# Full-size models on the CPU\n")
    print(
        f"{versions}, transformers {transformers.__version__}; {torch.get_num_threads()} threads,"
    )
    print("fp32, batch 1, latents of 64 × 64, random weights; a machine that others used as well,")
    print("so seconds are upper bounds. `python -m benchmarks.sampler_full_size` made this.\n")
    print("| model | part | parameters | sdops s | theirs s | relative error | peak GB |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in sys.argv[1:] or ("sd15", "sdxl"):
        for part in PARTS:
            command = [sys.executable, "-m", "benchmarks.sampler_full_size", "--one", name, part]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            for row in json.loads(done.stdout.splitlines()[-1]):
                print("| " + " | ".join(row) + " |", flush=True)


def measured(name: str, part: str) -> list[list[str]]:
    """The rows for one part of an architecture."""
    import torch

    from sdops.sampler.configuration import architecture
    from sdops.sampler.weights import build

    parts = build(architecture(name))
    modules = {"unet": (parts.unet,), "text": parts.text}.get(part, (parts.vae,))
    for module in modules:
        module.to_empty(device="cpu")
        for parameter in module.parameters():
            limit = (3 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.3
            parameter.data.uniform_(-limit, limit)
    torch.manual_seed(0)
    with torch.inference_mode():
        return [
            [name, label, f"{count / 1e6:.1f} M", *figures, f"{peak_gb():.1f}"]
            for label, count, figures in comparisons(parts, part)
        ]


def comparisons(parts, part: str):
    """What a part computes here and there: its label, its parameters, both times and the error."""
    import torch

    from sdops.sampler.unet import sinusoidal
    from tests.sampler.oracles import diffusers_unet, diffusers_vae, transformers_text

    if part == "unet":
        config = parts.config.unet
        x, t = torch.randn(1, 4, LATENT, LATENT), torch.tensor([500.0])
        context, added, vector = torch.randn(1, 77, config.context_dim), None, None
        if config.vector_dim:
            sizes = torch.tensor([[512.0, 512, 0, 0, 512, 512]])
            pooled = torch.randn(1, config.vector_dim - 6 * 256)
            vector = torch.cat((pooled, sinusoidal(sizes[0], 256).flatten()[None]), 1)
            added = {"text_embeds": pooled, "time_ids": sizes}
        oracle = diffusers_unet(parts)
        theirs = lambda: oracle(x, t, context, added_cond_kwargs=added).sample  # noqa: E731
        yield "UNet", size(parts.unet), both(lambda: parts.unet(x, t, context, vector), theirs)
    elif part == "text":
        ids = torch.randint(0, 49406, (1, 77))
        ids[0, 0], ids[0, 60:] = 49406, 49407
        for number, encoder in enumerate(parts.text):
            oracle = transformers_text(parts, number)
            ours = lambda encoder=encoder: encoder(ids)[-2]  # noqa: E731
            theirs = lambda oracle=oracle: oracle(ids, output_hidden_states=True).hidden_states[-2]  # noqa: E731
            label = "OpenCLIP text" if encoder.config.open_clip else "CLIP text"
            yield label, size(encoder), both(ours, theirs)
    else:
        oracle, scale = diffusers_vae(parts), parts.config.vae.scale_factor
        latent, picture = torch.randn(1, 4, LATENT, LATENT), torch.rand(1, 3, 512, 512) * 2 - 1
        if part == "vae-decode":
            theirs = lambda: oracle.decode(latent / scale).sample  # noqa: E731
            yield "VAE decoder", size(parts.vae), both(lambda: parts.vae.decode(latent), theirs)
        else:
            theirs = lambda: oracle.encode(picture).latent_dist.mean * scale  # noqa: E731
            yield (
                "VAE encoder",
                size(parts.vae),
                both(lambda: parts.vae.sample(parts.vae.moments(picture)), theirs),
            )


def size(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def both(ours: Callable, theirs: Callable) -> list[str]:
    from tests.sampler.oracles import relative_error

    start = time.perf_counter()
    found = ours()
    middle = time.perf_counter()
    expected = theirs()
    end = time.perf_counter()
    error = relative_error(found, expected)
    return [f"{middle - start:.1f}", f"{end - middle:.1f}", f"{error:.1e}"]


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measured(*sys.argv[2:])))
    else:
        main()
