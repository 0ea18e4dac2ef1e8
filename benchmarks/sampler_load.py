"""Importing and loading Stable Diffusion 1.5 on the CPU: sdops and diffusers, whole processes.

    python -m benchmarks.sampler_load [--runs 5] [--folder FOLDER]

Both load the same fp32 weights, each from the form it is made for: sdops from one safetensors
file, diffusers and transformers from their folders. After loading, every weight is read once, so
that mapping a file without reading it wins nothing. Processes take turns. Prints Markdown.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import compare

READ = "print(sum(p.sum().item() for m in modules for p in m.parameters()))"
IMPORTS = {
    "import sdops": "from sdops.sampler.pipeline import Pipeline\n"
    "from sdops.sampler.weights import load",
    "import diffusers": "from diffusers import AutoencoderKL, UNet2DConditionModel\n"
    "from transformers import CLIPTextModel",
}
LOADS = {
    "load sdops": "from pathlib import Path\n"
    "parts = Pipeline(load(Path({folder!r}) / 'sd15.safetensors')).parts\n"
    "modules = (parts.unet, parts.vae, *parts.text)",
    "load diffusers": "folder = {folder!r}\n"
    "modules = (UNet2DConditionModel.from_pretrained(folder + '/unet'),\n"
    "    AutoencoderKL.from_pretrained(folder + '/vae'),\n"
    "    CLIPTextModel.from_pretrained(folder + '/text'))",
}


def write(folder: Path) -> None:
    """The same random weights in both forms."""
    from safetensors.torch import save_file

    from sdops.sampler.configuration import architecture
    from sdops.sampler.random_weights import randomize
    from sdops.sampler.weights import build
    from tests.sampler.oracles import (
        checkpoint_of,
        diffusers_unet,
        diffusers_vae,
        transformers_text,
    )

    parts = randomize(build(architecture("sd15")))
    save_file(checkpoint_of(parts), folder / "sd15.safetensors")
    diffusers_unet(parts).save_pretrained(folder / "unet", max_shard_size="20GB")
    diffusers_vae(parts).save_pretrained(folder / "vae")
    transformers_text(parts, 0).save_pretrained(folder / "text")


def programs(folder: Path) -> dict[str, tuple[str, ...]]:
    """What each row of the table runs."""
    code = dict(IMPORTS)
    for (name, load), imports in zip(LOADS.items(), IMPORTS.values(), strict=True):
        code[name] = "\n".join((imports, load.format(folder=str(folder)), READ))
    return {name: (sys.executable, "-c", text) for name, text in code.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the weights here, or find them here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if not (folder / "text").is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            write(folder)
            gc.collect()
        rows = programs(folder)
        for kind in ("import", "load"):
            compare(
                {name: row for name, row in rows.items() if name.startswith(kind)}, arguments.runs
            )


if __name__ == "__main__":
    main()
