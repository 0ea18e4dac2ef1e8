"""Model files with true names and shapes, whose weights are a hole in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

from sdops import profile
from sdops.checkpoint.identify.braces import expand

Shapes = Mapping[str, tuple[int, ...]]
_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "F64": 8}


def safetensors(
    path: Path, shapes: Shapes, dtype: str = "F16", metadata: Mapping[str, str] | None = None
) -> Path:
    """A safetensors file with these tensors, all of one type, their bytes a hole."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name, shape in shapes.items():
        kind = "I64" if name.endswith("position_ids") else dtype
        end = position + prod(shape) * _BYTES[kind]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + position)
    return path


def part(component: str, prefix: str, telling: Shapes | None = None) -> dict[str, tuple[int, ...]]:
    """The tensors of a component in `profiles/components.toml`, one number each.

    `telling` gives the shapes of those by which a model is recognized.
    """
    rows = {row["id"]: row for row in profile.load("components")["component"]}
    names = [name for pattern in rows[component]["tensors"] for name in expand(pattern)]
    return {prefix + name: (telling or {}).get(name, (1,)) for name in names}


SD1 = {
    "input_blocks.0.0.weight": (320, 4, 3, 3),
    "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    "input_blocks.1.1.proj_in.weight": (320, 320, 1, 1),
}
SD2 = {
    "input_blocks.0.0.weight": (320, 4, 3, 3),
    "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024),
    "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (320, 1024),
    "input_blocks.1.1.proj_in.weight": (320, 320),
}
SDXL = {
    "input_blocks.0.0.weight": (320, 4, 3, 3),
    "label_emb.0.0.weight": (1280, 2816),
    "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 2048),
}
REFINER = {
    "input_blocks.0.0.weight": (384, 4, 3, 3),
    "label_emb.0.0.weight": (1536, 2560),
    "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (768, 1280),
}
VAE = {"decoder.conv_in.weight": (512, 4, 3, 3)}


def sd1(**changed: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """A complete Stable Diffusion 1 checkpoint."""
    telling = {**SD1, **changed}
    return {
        **part("unet-sd1", "model.diffusion_model.", telling),
        **part("vae-kl-f8", "first_stage_model.", VAE),
        **part("clip-l", "cond_stage_model.transformer.text_model."),
    }


def sd2() -> dict[str, tuple[int, ...]]:
    """A complete Stable Diffusion 2 checkpoint."""
    return {
        **part("unet-sd1", "model.diffusion_model.", SD2),
        **part("vae-kl-f8", "first_stage_model.", VAE),
        **part("open-clip-h", "cond_stage_model.model."),
    }


def sdxl() -> dict[str, tuple[int, ...]]:
    """A complete Stable Diffusion XL base checkpoint."""
    return {
        **part("unet-sdxl", "model.diffusion_model.", SDXL),
        **part("vae-kl-f8", "first_stage_model.", VAE),
        **part("clip-l", "conditioner.embedders.0.transformer.text_model."),
        **part("open-clip-g", "conditioner.embedders.1.model."),
    }


def refiner() -> dict[str, tuple[int, ...]]:
    """A complete Stable Diffusion XL refiner checkpoint."""
    return {
        **part("unet-sdxl-refiner", "model.diffusion_model.", REFINER),
        **part("vae-kl-f8", "first_stage_model.", VAE),
        **part("open-clip-g", "conditioner.embedders.0.model."),
    }


def lora(width: int, prefix: str = "lora_unet_") -> dict[str, tuple[int, ...]]:
    """A kohya LoRA of rank 4 for a model whose cross-attention has `width`."""

    def names() -> Iterator[tuple[str, tuple[int, ...]]]:
        for block in range(4):
            stem = f"{prefix}down_blocks_{block}_attentions_0_transformer_blocks_0_attn2_to_k"
            yield f"{stem}.lora_down.weight", (4, width)
            yield f"{stem}.lora_up.weight", (320, 4)
            yield f"{stem}.alpha", ()

    return dict(names())
