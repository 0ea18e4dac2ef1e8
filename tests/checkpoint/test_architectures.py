"""Every known family is recognized, and by no row of another.

`models_seen.json` holds names and shapes of real classes (diffusers 0.42.1, ComfyUI a125cd84,
spandrel 0.4.2, built on the meta device), cut to those that any row asks for. The made-up networks
below are what trainers write.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sdops.checkpoint.identify.identity import recognize
from sdops.checkpoint.identify.rules import fits, strip, table

Shapes = Mapping[str, tuple[int, ...]]
SECTIONS = ("control", "model", "vae", "vision", "text_encoder", "upscaler")
SEEN = {
    name: (sample["is"], {key: tuple(shape) for key, shape in sample["shapes"].items()})
    for name, sample in json.loads(
        Path(__file__).with_name("models_seen.json").read_text(encoding="utf-8")
    ).items()
}


@pytest.mark.parametrize("name", SEEN)
def test_a_real_model_is_what_it_is(name: str) -> None:
    expected, shapes = SEEN[name]
    match, kind = recognize(shapes)
    assert match is not None
    assert [match.id, kind, match.title] == expected


def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for section in SECTIONS:
        for row in table()[section]:
            yield section, row


def minimal(row: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The least that `row` asks for, behind no prefix."""
    names = [*row.get("all", ()), *row.get("any", ())[:1], *row.get("any_full", ())[:1]]
    names += row["any_all"][0] if "any_all" in row else []
    shapes: dict[str, list[int]] = {name: [1, 1] for name in names}
    for name, count in row.get("ndim", ()):
        shapes[name] = [1] * count
    for name, dimension, size in row.get("shape", ()):
        shape = shapes.setdefault(name, [1, 1])
        shape += [1] * (dimension + 1 - len(shape))
        shape[dimension] = size[0] if isinstance(size, list) else size
    return {name: tuple(shape) for name, shape in shapes.items()}


def test_every_row_of_exact_names_can_match() -> None:
    for _, row in rows():
        if not any(key.endswith("_re") for key in row):
            sample = minimal(row)
            assert fits(row, sample, sample) is not None, row


def test_no_row_fits_a_model_of_another_family() -> None:
    """A row that fits a sample of another id would take it, if it stood before."""
    wrong = []
    for name, ((own, kind, _), shapes) in SEEN.items():
        for section, row in rows():
            same = row["id"] == own or row.get("generic")
            if same or (section in ("vae", "vision", "text_encoder", "upscaler")) != (
                kind in ("vae", "clip-vision", "text-encoder", "upscaler")
            ):
                continue
            for prefix in ("model.diffusion_model.", ""):
                inside = strip(shapes, prefix)
                if inside and fits(row, inside, shapes) is not None:
                    wrong.append((name, own, row["id"]))
    assert not wrong


def test_every_row_has_a_source_and_a_name() -> None:
    assert all(row.get("source") and row.get("name") for _, row in rows())


def lora(module: str, inputs: int, outputs: int = 64, count: int = 2) -> Shapes:
    """As kohya writes it where the module has no dots, else as PEFT does."""
    down, up = ("lora_A", "lora_B") if "." in module else ("lora_down", "lora_up")
    return {
        name: shape
        for number in range(count)
        for name, shape in (
            (f"{module.format(number)}.{down}.weight", (8, inputs)),
            (f"{module.format(number)}.{up}.weight", (outputs, 8)),
        )
    }


ATTN2 = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
OLD = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora"
LYCORIS = "lycoris_single_transformer_blocks_0_attn_to_q"


@pytest.mark.parametrize(
    ("shapes", "architecture", "kind"),
    [
        (lora(f"lora_unet_{ATTN2}", 768), "sd1", "lora"),
        (lora(f"lora_unet_{ATTN2}", 1024), "sd2", "lora"),
        (lora(f"lora_unet_{ATTN2}", 2048), "sdxl", "lora"),
        (lora("unet.down_blocks.1.attentions.0.transformer_blocks.{}.attn2.to_k", 2048), "sdxl",
         "lora"),
        (lora("lora_unet_input_blocks_7_1_transformer_blocks_{}_attn1_to_k", 1280), "sdxl", "lora"),
        ({f"unet.{OLD}.down.weight": (4, 768), f"unet.{OLD}.up.weight": (640, 4)}, "sd1", "lora"),
        (lora("lora_te_text_model_encoder_layers_{}_self_attn_q_proj", 768), "sd1", "lora"),
        (lora("lora_te2_text_model_encoder_layers_{}_self_attn_q_proj", 1280), "sdxl", "lora"),
        (lora("lora_unet_double_blocks_{}_img_attn_qkv", 3072), "flux", "lora"),
        (lora("lora_transformer_single_transformer_blocks_{}_attn_to_q", 3072), "flux", "lora"),
        (lora("base_model.model.single_transformer_blocks.{}.attn.to_q", 3072), "flux", "lora"),
        ({"transformer.single_transformer_blocks.0.attn.to_q.lora_A.default_0.weight": (4, 3072)},
         "flux", "lora"),
        ({"double_blocks.0.processor.qkv_lora1.down.weight": (16, 3072)}, "flux", "lora"),
        (lora("diffusion_model.single_blocks.{}.linear1", 6144, 55296), "flux2", "lora"),
        (lora("lora_unet_double_blocks_{}_img_attn_qkv", 3072, count=20), "hunyuan-video", "lora"),
        (lora("diffusion_model.double_blocks.{}.img_attn_qkv", 3072), "hunyuan-video", "lora"),
        (lora("diffusion_model.transformer_blocks.{}.attn.to_q", 3072), "qwen-image", "lora"),
        (lora("transformer.transformer_blocks.{}.attn.to_q", 3072), "flux", "lora"),
        (lora("transformer.transformer_blocks.{}.attn.to_q", 2432), "sd3", "lora"),
        (lora("lora_unet__blocks_{}_cross_attn_k", 5120), "wan", "lora"),
        (lora("transformer.blocks.{}.attn1.to_q", 5120), "wan", "lora"),
        (lora("transformer.transformer_blocks.{}.attn1.to_q", 1152), "pixart", "lora"),
        (lora("transformer.transformer_blocks.{}.attn1.to_q", 2048), "ltxv", "lora"),
        (lora("transformer.transformer_blocks.{}.audio_attn1.to_k", 2048), "ltx-2", "lora"),
        (lora("lora_unet_layers_{}_attention_qkv", 2304), "lumina2", "lora"),
        (lora("transformer.layers.{}.attention.to_q", 3840), "z-image", "lora"),
        (lora("lora_unet_blocks_{}_attn1_Wqkv", 1408), "hunyuan-dit", "lora"),
        (lora("model.layers.{}.self_attn.q_proj", 4096), "unknown", "lora"),
        ({f"{LYCORIS}.lokr_w1": (16, 16), f"{LYCORIS}.lokr_w2_a": (192, 8),
          f"{LYCORIS}.lokr_w2_b": (8, 192)}, "flux", "lokr"),
        ({f"lora_unet_{ATTN2}.diff": (640, 768)}, "sd1", "diff"),
        ({**lora(f"lora_unet_{ATTN2}", 2048), f"lora_unet_{ATTN2}.dora_scale": (640, 1)}, "sdxl",
         "dora"),
        ({f"lora_unet_{ATTN2}.{part}.weight": (8, 768) for part in ("a1", "a2", "b1", "b2")},
         "sd1", "glora"),
        ({"lora_unet_a.oft_blocks": (4, 80, 80)}, "unknown", "oft"),
    ],
)  # fmt: skip
def test_a_network_is_recognized_in_every_naming(
    shapes: Shapes, architecture: str, kind: str
) -> None:
    match, found = recognize(shapes)
    assert match is not None
    assert (match.id, found) == (architecture, kind)
    assert match.evidence


@pytest.mark.parametrize(
    "shapes",
    [
        {"model.layers.0.weight": (4, 4)},
        {"1.weight": (4,)},
        {"conv_in.weight": (64, 3, 3, 3), "conv_out.weight": (3, 64, 3, 3)},
        {"decoder.conv_in.weight": (512, 4, 3, 3)},
        {"a" * 5000 + ".lora_down": (1,), "b\nlora_unet_x": (), **{str(n): (1,) for n in range(9)}},
    ],
)
def test_what_shares_a_name_or_two_with_a_model_is_unknown(shapes: Shapes) -> None:
    assert recognize(shapes) == (None, "unknown")
