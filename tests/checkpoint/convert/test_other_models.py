"""What is no checkpoint passes through convert whole, and is refused by prune with its name."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoint.convert.program import convert
from tests.checkpoint.convert.test_sources import raw_safetensors

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

LORA = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
CONV = "lora_unet_input_blocks_1_0_in_layers_2"
HADA = "lora_unet_mid_block_attentions_0_proj_in"
PEFT = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
PROCESSOR = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora"
LLLITE = "lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q"
IP_ADAPTER = {
    "image_proj": {"proj.weight": (30, 10), "proj.bias": (30,)},
    "ip_adapter": {"1.to_k_ip.weight": (32, 768), "1.to_v_ip.weight": (32, 768)},
}
KOHYA = {f"{LORA}.lora_down.weight": (4, 768), f"{LORA}.lora_up.weight": (32, 4),
         f"{LORA}.alpha": ()}  # fmt: skip
CONTROL = {
    "control_model.time_embed.0.weight": (128, 32),
    "control_model.zero_convs.0.0.weight": (32, 32, 1, 1),
    "control_model.input_hint_block.0.weight": (16, 3, 3, 3),
}
VAE = {
    "encoder.conv_in.weight": (128, 3, 3, 3), "decoder.conv_in.weight": (512, 4, 3, 3),
    "decoder.up.0.block.0.norm1.weight": (128,), "decoder.mid.block_1.norm1.weight": (512,),
    "quant_conv.weight": (8, 8, 1, 1), "post_quant_conv.weight": (4, 4, 1, 1),
}  # fmt: skip
ESRGAN = {
    "conv_first.weight": (64, 3, 3, 3), "body.0.rdb1.conv1.weight": (32, 64, 3, 3),
    "conv_body.weight": (64, 64, 3, 3), "conv_last.weight": (3, 64, 3, 3),
}  # fmt: skip
BASE = {
    "model.diffusion_model.input_blocks.0.0.weight": (32, 4, 3, 3),
    "cond_stage_model.transformer.text_model.final_layer_norm.weight": (768,),
}
OLD_INVERSION = {"string_to_token": {"*": 265}, "name": "me", "step": 500, "sd_checkpoint": "abc"}

MODELS: Mapping[str, Any] = {
    "lora.safetensors": KOHYA,
    "lora-trained.ckpt": {"state_dict": KOHYA, "epoch": 3},
    "locon.safetensors": {**KOHYA, f"{CONV}.lora_down.weight": (4, 32, 3, 3),
                          f"{CONV}.lora_mid.weight": (4, 4, 3, 3),
                          f"{CONV}.lora_up.weight": (32, 4, 1, 1)},
    "loha.pt": {f"{HADA}.hada_w1_a": (64, 4), f"{HADA}.hada_w1_b": (4, 64),
                        f"{HADA}.hada_w2_a": (64, 4), f"{HADA}.hada_w2_b": (4, 64),
                        f"{HADA}.alpha": ()},
    "lokr.safetensors": {f"{HADA}.lokr_w1": (8, 8), f"{HADA}.lokr_w2": (16, 16)},
    "lora-peft.bin": {f"{PEFT}.lora_A.weight": (4, 32), f"{PEFT}.lora_B.weight": (32, 4)},
    "lora-old.bin": {f"{PROCESSOR}.down.weight": (4, 32),
                                    f"{PROCESSOR}.up.weight": (32, 4)},
    "controlnet.pth": CONTROL,
    "controlnet-trained.ckpt": {"state_dict": {**CONTROL, **BASE}, "global_step": 5},
    "controlnet-diffusers.bin": {"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3),
                                 "conv_in.weight": (32, 4, 3, 3)},
    "controllllite.safetensors": {f"{LLLITE}.conditioning1.0.weight": (32, 3, 4, 4),
                                  f"{LLLITE}.down.0.weight": (4, 64)},
    "t2i-adapter.pth": {"body.0.in_conv.weight": (32, 64, 1, 1), "conv_in.weight": (32, 192, 3, 3)},
    "ip-adapter.bin": IP_ADAPTER,
    "textual-inversion.pt": {**OLD_INVERSION, "string_to_param": {"*": (8, 768)}},
    "textual-inversion-learned.bin": {"<cat>": (768,)},
    "textual-inversion-new.safetensors": {"emb_params": (8, 768)},
    "textual-inversion-xl.pt": {"clip_l": (8, 768), "clip_g": (8, 1280)},
    "upscaler.pth": {"params_ema": ESRGAN},
    "upscaler-old.pth": {"model.0.weight": (64, 3, 3, 3),
                         "model.1.sub.0.RDB1.conv1.0.weight": (32, 64, 3, 3)},
    "vae.vae.pt": {"state_dict": {**VAE, "loss.logvar": ()}, "global_step": 5},
    "vae.safetensors": VAE,
    "vae-prefixed.ckpt": {"state_dict": {f"first_stage_model.{n}": s for n, s in VAE.items()}},
}  # fmt: skip
KINDS = (
    "lora", "locon", "loha", "lokr", "controlnet",
    "controllllite", "t2i-adapter", "ip-adapter", "textual-inversion", "upscaler", "vae",
)  # fmt: skip
LAYERS = {f"linear.{n}.{part}": (4,) for n in range(2) for part in ("weight", "bias")}
HYPERNETWORK = {768: [LAYERS, LAYERS], 320: [LAYERS, LAYERS], "step": 100, "name": "hyper",
                "layer_structure": [1, 2, 1], "activation_func": "relu"}  # fmt: skip


def filled(shapes: Any) -> Any:
    """The same with random tensors in place of shapes."""
    if isinstance(shapes, tuple):
        return torch.randn(shapes)
    if isinstance(shapes, list):
        return [filled(item) for item in shapes]
    if isinstance(shapes, dict):
        return {name: filled(item) for name, item in shapes.items()}
    return shapes


def tensors(model: Any, prefix: str = "") -> dict[str, Any]:
    """Every tensor, named as it should be: by the keys below a wrapper."""
    for wrapper in ("state_dict", "string_to_param", "params_ema"):
        if wrapper in model:
            return tensors(model[wrapper])
    found = {}
    for name, item in model.items():
        if isinstance(item, dict):
            found |= tensors(item, f"{prefix}{name}.")
        elif isinstance(item, torch.Tensor):
            found[prefix + name] = item
    return found


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with all of them, each in a folder of its own, and what they hold."""
    folder = tmp_path_factory.mktemp("models")
    held = {name: filled(shapes) for name, shapes in MODELS.items()}
    for name, model in held.items():
        path = folder / name.replace(".", "_") / name
        path.parent.mkdir()
        if path.suffix == ".safetensors":
            safetensors_torch.save_file(model, path)
        else:
            torch.save(model, path)
    return folder, held


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_they_pass_through_convert_whole(
    tmp_path: Path, models: tuple[Path, dict[str, Any]], suffix: str
) -> None:
    folder, held = models
    code, data, stderr = convert(folder, "--out", tmp_path, "--to", suffix[1:])
    assert (code, len(data["files"])) == (0, len(held)), stderr
    load = safetensors_torch.load_file if suffix == ".safetensors" else torch.load
    for name, model in held.items():
        result = tmp_path / name.replace(".", "_") / (Path(name).stem + suffix)
        loaded, wanted = load(result), tensors(model)
        assert loaded.keys() == wanted.keys(), name
        assert all(loaded[key].equal(tensor) for key, tensor in wanted.items()), name


def test_prune_refuses_each_by_its_name(
    tmp_path: Path, models: tuple[Path, dict[str, Any]]
) -> None:
    folder, held = models
    code, data, stderr = convert(folder, "--out", tmp_path / "out", command="prune")
    assert (code, data["files"]) == (2, [])
    lines = stderr.splitlines()
    said = {name: line for name in held for line in lines if f"/{name} " in line}
    assert (said.keys(), len(lines)) == (held.keys(), len(held))
    for name, line in said.items():
        kind = next(kind for kind in KINDS if name.startswith(kind))
        assert f"recognized as {kind}" in line, name
    assert not (tmp_path / "out").exists()


def test_a_hypernetwork_is_not_parted_from_its_structure(tmp_path: Path) -> None:
    source = tmp_path / "hyper.pt"
    torch.save(filled(HYPERNETWORK), source)
    for options in ((), ("--to", "ckpt"), ("--dtype", "fp16"), ("--delete-source",)):
        code, _, stderr = convert(source, *options)
        assert (code, "is a hypernetwork" in stderr) == (2, True)
    assert convert(source, command="prune")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["hyper.pt"]


@pytest.mark.parametrize("command", ["convert", "prune"])
def test_what_holds_no_named_tensor_is_refused(tmp_path: Path, command: str) -> None:
    raw_safetensors(tmp_path / "only.safetensors", {"__metadata__": {"a": "b"}}, b"")
    torch.save(torch.ones(3), tmp_path / "one.pt")
    torch.save({1: torch.ones(3), "1": torch.zeros(3)}, tmp_path / "alike.pt")
    says = {"only.safetensors": "holds no tensors", "one.pt": "has no name", "alike.pt": "one name"}
    for options in ((), ("--to", "ckpt"))[: 1 + (command == "convert")]:
        for name, text in says.items():
            target = tmp_path / "new"
            code, _, stderr = convert(tmp_path / name, target, *options, command=command)
            assert (code, text in stderr, target.exists()) == (2, True, False), stderr
    assert {path.name for path in tmp_path.iterdir()} == says.keys()


def test_the_better_of_two_sets_of_an_upscaler_is_taken(tmp_path: Path) -> None:
    live = filled(ESRGAN)
    better = {name: tensor + 1 for name, tensor in live.items()}
    torch.save({"params": live, "params_ema": better}, tmp_path / "m.pth")
    code, data, _ = convert(tmp_path / "m.pth")
    loaded = safetensors_torch.load_file(tmp_path / "m.safetensors")
    assert (code, json.dumps(data["dropped"]).count("params (4 tensors)")) == (0, 1)
    assert all(loaded[name].equal(tensor) for name, tensor in better.items())
