"""Model files are recognized by names and shapes; what is not known is unknown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from sdops import profile
from sdops.checkpoint.identify.braces import expand
from sdops.checkpoint.identify.ema import ema_name, match
from sdops.checkpoint.identify.identity import Identity, identify
from sdops.checkpoint.identify.metadata import private_keys, readable
from sdops.checkpoint.identify.report import report
from sdops.checkpoint.open import open_checkpoint
from sdops.report.blocks import Table
from sdops.report.schema import schema
from sdops.report.views.info import blocks
from tests.checkpoint import fabricate


def identity(path: Path, shapes: fabricate.Shapes) -> Identity:
    return identify(open_checkpoint(fabricate.safetensors(path / "x.safetensors", shapes)))


def test_braces_expand_like_a_shell() -> None:
    assert list(expand("a.{0-2}.{x,y{1,2}}")) == [
        "a.0.x", "a.1.x", "a.2.x", "a.0.y1", "a.1.y1", "a.2.y1", "a.0.y2", "a.1.y2", "a.2.y2",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="not closed"):
        list(expand("a{b"))


@pytest.mark.parametrize(
    "row", profile.load("components")["component"], ids=lambda row: str(row["id"])
)
def test_each_component_has_as_many_names_as_it_says(row: dict[str, object]) -> None:
    names = [name for pattern in row["tensors"] for name in expand(pattern)]  # type: ignore[attr-defined]
    assert len(names) == len(set(names)) == row["count"]


INPAINT = {"input_blocks.0.0.weight": (320, 9, 3, 3)}
PIX2PIX = {"input_blocks.0.0.weight": (320, 8, 3, 3)}
FLUX = {
    "model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale": (128,),
    "model.diffusion_model.img_in.weight": (3072, 64),
    "model.diffusion_model.txt_in.weight": (3072, 4096),
    "model.diffusion_model.single_blocks.0.linear1.weight": (21504, 3072),
    "model.diffusion_model.guidance_in.in_layer.weight": (3072, 256),
}
CLIP = {"encoder.layers.0.self_attn.q_proj.weight": (768, 768)}
ESRGAN = dict.fromkeys(
    ["conv_first.weight", "body.0.rdb1.conv1.weight", "conv_body.weight", "conv_last.weight"], (1,)
)
CONTROLNET = {
    **{f"control_model.{name}": shape for name, shape in fabricate.SD1.items()},
    "control_model.input_hint_block.0.weight": (16, 3, 3, 3),
    "control_model.zero_convs.0.0.weight": (320, 320, 1, 1),
    "control_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 768),
}


@pytest.mark.parametrize(
    ("shapes", "architecture", "kind"),
    [
        (fabricate.sd1(), "sd1", "checkpoint"),
        (fabricate.sd1(**INPAINT), "sd1-inpaint", "checkpoint"),
        (fabricate.sd1(**PIX2PIX), "sd1-instruct-pix2pix", "checkpoint"),
        (fabricate.sd2(), "sd2", "checkpoint"),
        (fabricate.sdxl(), "sdxl", "checkpoint"),
        (fabricate.refiner(), "sdxl-refiner", "checkpoint"),
        (fabricate.part("unet-sd1", "", fabricate.SD1), "sd1", "unet"),
        (fabricate.part("vae-kl-f8", "", fabricate.VAE), "kl-f8 (SD1/SD2/SDXL)", "vae"),
        (fabricate.part("clip-l", "text_model.", CLIP), "clip-l", "text-encoder"),
        (FLUX, "flux", "dit"),
        (fabricate.lora(768), "sd1", "lora"),
        (fabricate.lora(1024), "sd2", "lora"),
        (fabricate.lora(2048), "sdxl", "lora"),
        (CONTROLNET, "sd1", "controlnet"),
        ({"emb_params": (8, 768)}, "sd1", "textual-inversion"),
        ({"clip_l": (8, 768), "clip_g": (8, 1280)}, "sdxl", "textual-inversion"),
        (ESRGAN, "esrgan / real-esrgan", "upscaler"),
        ({"something.else": (3, 3)}, "unknown", "unknown"),
        ({}, "unknown", "unknown"),
    ],
)  # fmt: skip
def test_recognized(tmp_path: Path, shapes: fabricate.Shapes, architecture: str, kind: str) -> None:
    found = identity(tmp_path, shapes)
    assert (found.architecture, found.kind) == (architecture, kind)
    assert bool(found.evidence) == (kind != "unknown")


def test_variants_are_named(tmp_path: Path) -> None:
    assert identity(tmp_path, FLUX).title == "FLUX.1 dev"


def test_a_broken_part_is_named_by_its_missing_tensors(tmp_path: Path) -> None:
    shapes = fabricate.sd1()
    del shapes["first_stage_model.decoder.norm_out.weight"]
    del shapes["cond_stage_model.transformer.text_model.embeddings.position_ids"]
    parts = {part.id: part for part in identity(tmp_path, shapes).components}
    assert parts["unet-sd1"].sentence == "UNet 686 of 686"
    assert parts["vae-kl-f8"].sentence == "VAE 247 of 248: decoder.norm_out.weight missing"
    assert not parts["vae-kl-f8"].complete
    assert parts["clip-l"].complete, "nothing needs position_ids"
    assert "embeddings.position_ids left out" in parts["clip-l"].sentence


def test_v_prediction_is_told_by_its_marker(tmp_path: Path) -> None:
    assert identity(tmp_path, {**fabricate.sdxl(), "v_pred": ()}).prediction == "v"
    assert identity(tmp_path, fabricate.sd1()).prediction == "epsilon"


def with_ema(shapes: fabricate.Shapes, drop: int = 0) -> dict[str, tuple[int, ...]]:
    live = [name for name in shapes if name.startswith("model.diffusion_model.")]
    averaged = {ema_name(name): shapes[name] for name in live[drop:]}
    return {**shapes, **averaged, "model_ema.decay": (), "model_ema.num_updates": ()}


def test_ema_states() -> None:
    shapes = fabricate.sd1()
    assert match(shapes).state == "none"
    assert match(with_ema(shapes)).state == "full"
    assert len(match(with_ema(shapes)).pairs) == 686
    partial = match(with_ema(shapes, drop=1))
    assert (partial.state, len(partial.unaveraged)) == ("partial", 1)
    only = {name: shape for name, shape in with_ema(shapes).items() if "model_ema" in name}
    assert match(only).state == "only"


def test_two_live_names_never_share_one_average() -> None:
    names = ["model.diffusion_model.a.b", "model.diffusion_model.ab", "model_ema.diffusion_modelab"]
    assert not match(names).pairs


TRAINED = {
    "ss_network_dim": "32",
    "ss_network_alpha": "16.0",
    "ss_training_started_at": "1700000000.5",
    "ss_tag_frequency": json.dumps({"10_cat": {"cat": 5, "sitting": 2}, "1_dog": {"cat": 1}}),
    "ss_dataset_dirs": json.dumps({"/home/maria/cats": {"n_repeats": 10}}),
    "ss_sd_model_name": r"D:\models\base.safetensors",
    "modelspec.title": "Cats",
    "unheard_of": "x",
}


def test_training_metadata_is_readable_and_private_paths_are_flagged() -> None:
    rows = {entry.label: entry for entry in readable(TRAINED)}
    assert rows["Network dim (rank)"].text == "32"
    assert rows["Most frequent tags"].text == "cat 6, sitting 2"
    assert rows["Training began"].text == "2023-11-14 22:13 UTC"
    assert rows["Dataset folders"].private
    assert set(private_keys(TRAINED)) == {"ss_dataset_dirs", "ss_sd_model_name"}


@pytest.mark.parametrize("value", ["[" * 5000, "{", "NaN", '{"a": 1}', "1e400", ""])
def test_broken_metadata_is_shown_as_it_is(value: str) -> None:
    broken = dict.fromkeys(["ss_tag_frequency", "ss_datasets", "ss_training_started_at"], value)
    assert all(entry.text for entry in readable(broken))


@pytest.mark.smoke
def test_the_command(tmp_path: Path) -> None:
    fabricate.safetensors(tmp_path / "model.safetensors", with_ema(fabricate.sd1()), "F32")
    fabricate.safetensors(tmp_path / "lora.safetensors", fabricate.lora(768), metadata=TRAINED)
    command = [sys.executable, "-m", "sdops", "info", str(tmp_path)]
    result = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    jsonschema.validate(document, schema())
    by_kind = {file["kind"]: file for file in document["data"]["files"]}
    model = by_kind["checkpoint"]
    assert (model["architecture"], model["ema"]) == ("sd1", "full")
    assert model["savings"]["second_weights"] > 0
    assert [finding["id"] for finding in document["findings"]] == ["info-private-metadata"]
    shown = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"}
    )
    assert "UNet 686 of 686" in shown.stdout
    assert "Network dim (rank)" in shown.stdout


def test_a_damaged_file_is_told_as_such(tmp_path: Path) -> None:
    path = fabricate.safetensors(tmp_path / "model.safetensors", fabricate.lora(768))
    path.write_bytes(path.read_bytes()[:-1000])
    (finding,) = report([path]).findings
    assert (finding.rule, finding.severity.label) == ("broken-model-files", "error")
    assert "1000 bytes" in finding.why


def test_what_a_checkpoint_lacks_is_named(tmp_path: Path) -> None:
    whole = fabricate.sd1()
    bare = {name: s for name, s in whole.items() if not name.startswith("first_stage_model.")}
    assert identity(tmp_path, whole).contents == (("VAE", "CLIP-L"), ())
    assert identity(tmp_path, bare).contents == (("CLIP-L",), ("VAE",))
    path = fabricate.safetensors(tmp_path / "bare.safetensors", bare)
    (finding,) = report([path]).findings
    assert (finding.rule, finding.evidence["lacks"]) == ("info-lacks-part", ["VAE"])


def test_a_lone_shard_is_seen_as_one(tmp_path: Path) -> None:
    first = fabricate.safetensors(tmp_path / "m-00001-of-00002.safetensors", fabricate.lora(768))
    (finding,) = report([first]).findings
    assert finding.rule == "info-missing-shard"
    assert finding.evidence["missing"] == ["m-00002-of-00002.safetensors"]
    fabricate.safetensors(tmp_path / "m-00002-of-00002.safetensors", fabricate.lora(768))
    answer = report([tmp_path])
    assert not answer.findings
    assert [file.shard for file in answer.data.files] == ["1 of 2", "2 of 2"]


def test_many_files_fit_a_screen(tmp_path: Path) -> None:
    for number in range(60):
        fabricate.safetensors(tmp_path / f"{number}.safetensors", fabricate.lora(768))
    table, _ = blocks(report([tmp_path]))
    assert isinstance(table, Table)
    assert [row[:2] for row in table.rows] == [("60", "LoRA for Stable Diffusion 1.x")]
    assert len(blocks(report([tmp_path], details=True))) > 100
