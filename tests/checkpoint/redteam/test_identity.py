"""What is not known is not guessed from what stands beside it."""

from __future__ import annotations

from pathlib import Path

from sdops.checkpoint.identify.identity import identify
from sdops.checkpoint.open import open_checkpoint
from tests.checkpoint import fabricate

_VAE = {
    "first_stage_model.decoder.mid.block_1.norm1.weight": (512,),
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
    "first_stage_model.encoder.down.2.downsample.conv.weight": (512, 512, 3, 3),
    "first_stage_model.post_quant_conv.weight": (4, 4, 1, 1),
}


def _kind(path: Path, shapes: fabricate.Shapes) -> str:
    return identify(open_checkpoint(fabricate.safetensors(path, shapes))).kind


def test_checkpoint_with_a_model_of_unknown_shape_is_no_vae(tmp_path: Path):
    model = {"model.diffusion_model.input_blocks.0.0.weight": (7, 4, 3, 3)}
    assert _kind(tmp_path / "vae.safetensors", _VAE) == "vae"
    assert _kind(tmp_path / "model.safetensors", _VAE | model) == "unknown"
