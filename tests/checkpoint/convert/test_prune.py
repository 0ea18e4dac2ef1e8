"""Pruning keeps what makes pictures, names what it drops, and refuses what it does not know."""

from pathlib import Path
from typing import Any

import pytest

from sdops.checkpoint.identify.ema import ema_name
from tests.checkpoint import fabricate
from tests.checkpoint.convert.program import convert

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")


def weights(shapes: fabricate.Shapes) -> dict[str, Any]:
    """One number for each tensor: what its shape was is told by the names that matter."""
    telling = {*fabricate.SD1, *fabricate.SD2, *fabricate.SDXL, *fabricate.VAE}
    state = {}
    for number, (name, shape) in enumerate(shapes.items()):
        real = any(name.endswith(end) for end in telling)
        state[name] = torch.full(shape if real else (1,), float(number))
    return state


def with_average(state: dict[str, Any], missing: int = 0) -> dict[str, Any]:
    live = [name for name in state if name.startswith("model.diffusion_model.")]
    averaged = {ema_name(name): state[name] + 0.5 for name in live[missing:]}
    counters = {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(7)}
    return {**state, **averaged, **counters}


@pytest.fixture(scope="module")
def sd1() -> dict[str, Any]:
    return weights(fabricate.sd1())


def prune(path: Path, state: dict[str, Any], *arguments: object, **beside: object) -> Any:
    torch.save({"state_dict": state, **beside}, path / "m.ckpt")
    code, data, stderr = convert(path / "m.ckpt", *arguments, command="prune")
    target = path / "m-pruned.safetensors"
    loaded = safetensors_torch.load_file(target) if target.exists() else None
    return code, data, stderr, loaded


def test_the_average_takes_the_place_of_the_live_weights(
    tmp_path: Path, sd1: dict[str, Any]
) -> None:
    optimizer = {"state": {0: {"exp_avg": torch.zeros(1000)}}}
    code, data, stderr, loaded = prune(
        tmp_path, with_average(sd1), optimizer_states=[optimizer], epoch=3
    )
    assert code == 0, stderr
    assert loaded.keys() == sd1.keys()
    for name, tensor in loaded.items():
        offset = 0.5 if name.startswith("model.diffusion_model.") else 0.0
        assert tensor.equal(sd1[name] + offset), name
    assert "averaged (EMA) weights are kept" in data["notes"][0]
    dropped = " ".join(item["name"] for item in data["dropped"])
    assert "optimizer_states" in dropped
    assert "the other weights (688 tensors)" in dropped
    assert sum(item["bytes"] for item in data["dropped"]) > 4000


def test_the_live_weights_on_request(tmp_path: Path, sd1: dict[str, Any]) -> None:
    code, _, _, loaded = prune(tmp_path, with_average(sd1), "--keep", "live")
    assert code == 0
    assert loaded.keys() == sd1.keys()
    assert all(loaded[name].equal(sd1[name]) for name in sd1)


def test_an_incomplete_average_is_not_used_unless_asked_for(
    tmp_path: Path, sd1: dict[str, Any]
) -> None:
    state = with_average(sd1, missing=1)
    first = next(iter(sd1))
    code, data, _, loaded = prune(tmp_path, state)
    assert (code, loaded[first].equal(sd1[first])) == (0, True)
    assert "1 are missing" in data["notes"][0]
    code, _, stderr, _ = prune(tmp_path, state, "--keep", "ema", "--overwrite")
    assert code == 2
    assert first in stderr
    code, data, _, loaded = prune(tmp_path, state, "--keep", "EMA", "--ema-partial", "--overwrite")
    assert code == 0
    assert loaded[first].equal(sd1[first])
    second = list(sd1)[1]
    assert loaded[second].equal(sd1[second] + 0.5)
    assert first in data["notes"][0]


def test_asking_for_an_average_that_is_not_there_stops(tmp_path: Path, sd1: dict[str, Any]) -> None:
    code, _, stderr, loaded = prune(tmp_path, sd1, "--keep", "ema")
    assert (code, loaded) == (2, None)
    assert "has no averaged (EMA) weights" in stderr


@pytest.mark.parametrize("build", [fabricate.sd1, fabricate.sdxl])
def test_averages_alone_get_the_names_that_loaders_look_for(tmp_path: Path, build: Any) -> None:
    state = weights(build())
    alone = {
        name: tensor
        for name, tensor in with_average(state).items()
        if not name.startswith("model.diffusion_model.")
    }
    code, data, stderr, loaded = prune(tmp_path, alone)
    assert code == 0, stderr
    assert "only averaged (EMA) weights" in data["notes"][0]
    assert loaded.keys() == state.keys()
    for name, tensor in loaded.items():
        offset = 0.5 if name.startswith("model.diffusion_model.") else 0.0
        assert tensor.equal(state[name] + offset), name


def test_averages_alone_of_no_known_model_are_refused(tmp_path: Path, sd1: dict[str, Any]) -> None:
    alone = {n: t for n, t in with_average(sd1).items() if not n.startswith("model.")}
    code, _, stderr, _ = prune(tmp_path, alone, "--keep", "live")
    assert (code, "no live ones" in stderr) == (2, True)
    alone["model_ema.diffusion_modelnew"] = torch.ones(1)
    code, _, stderr, loaded = prune(tmp_path, alone)
    assert (code, loaded) == (2, None)
    assert "cannot be restored" in stderr


def test_averages_that_match_no_live_weight_are_not_mended_by_live_ones(
    tmp_path: Path, sd1: dict[str, Any]
) -> None:
    state = {**with_average(sd1), "model_ema.diffusion_modelnew": torch.ones(1)}
    _, data, _, _ = prune(tmp_path, state, "--dry-run")
    assert "0 are missing, and 1 belong to no live weight" in data["notes"][0]
    for arguments in (["--keep", "ema"], ["--keep", "ema", "--ema-partial"]):
        code, _, stderr, _ = prune(tmp_path, state, *arguments)
        assert (code, "or --ema-partial" in stderr) == (2, False)


def test_averages_that_match_no_live_weight_are_left_behind(
    tmp_path: Path, sd1: dict[str, Any]
) -> None:
    code, _, _, loaded = prune(tmp_path, {**sd1, "model_ema.diffusion_modelnew": torch.ones(1)})
    assert (code, loaded.keys()) == (0, sd1.keys())


def test_what_is_not_understood_is_kept(tmp_path: Path, sd1: dict[str, Any]) -> None:
    extra = {
        "conditioner.embedders.9.secret": torch.ones(3),
        "lora_unet_merged.lora_up.weight": torch.ones(2),
        "v_pred": torch.zeros(0),
        "betas": torch.ones(1000),
    }
    _, _, _, loaded = prune(tmp_path, with_average({**sd1, **extra}))
    assert extra.keys() <= loaded.keys()
    code, _, _, loaded = prune(
        tmp_path, with_average({**sd1, **extra}), "--drop", "schedule", "--overwrite"
    )
    assert code == 0
    assert "betas" not in loaded
    assert "v_pred" in loaded


@pytest.mark.parametrize("channels", [8, 9])
def test_inpainting_and_pix2pix_keep_their_channels(tmp_path: Path, channels: int) -> None:
    shape = (320, channels, 3, 3)
    state = weights(fabricate.sd1(**{"input_blocks.0.0.weight": shape}))
    code, _, _, loaded = prune(tmp_path, with_average(state))
    assert code == 0
    assert loaded["model.diffusion_model.input_blocks.0.0.weight"].shape == shape


@pytest.mark.parametrize("build", [fabricate.sdxl, fabricate.refiner, fabricate.sd2])
def test_other_architectures_lose_nothing(tmp_path: Path, build: Any) -> None:
    state = weights(build())
    code, _, _, loaded = prune(tmp_path, state)
    assert code == 0
    assert loaded.keys() == state.keys()


def test_precision_is_changed_on_the_way(tmp_path: Path, sd1: dict[str, Any]) -> None:
    arguments = ("--dtype", "bf16", "--vae-dtype", "fp32")
    _, _, _, loaded = prune(tmp_path, with_average(sd1), *arguments)
    assert loaded["model.diffusion_model.out.0.weight"].dtype is torch.bfloat16
    assert loaded["first_stage_model.quant_conv.bias"].dtype is torch.float32


def test_dry_run_writes_nothing(tmp_path: Path, sd1: dict[str, Any]) -> None:
    code, data, _, loaded = prune(tmp_path, with_average(sd1), "--dry-run")
    assert (code, loaded, data["written"]) == (0, None, False)
    assert data["tensors_out"] == len(sd1)
    assert [path.name for path in tmp_path.iterdir()] == ["m.ckpt"]
    assert convert(tmp_path / "m.ckpt", command="prune")[1]["bytes_out"] == data["bytes_out"]


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        (fabricate.lora(768), "lora"),
        (fabricate.part("vae-kl-f8", "", fabricate.VAE), "vae"),
        ({"emb_params": (8, 768)}, "textual-inversion"),
    ],
)
def test_what_is_no_checkpoint_is_refused_with_a_reason(
    tmp_path: Path, shapes: fabricate.Shapes, says: str
) -> None:
    source = fabricate.safetensors(tmp_path / "m.safetensors", shapes)
    code, _, stderr = convert(source, command="prune")
    assert code == 2
    assert says in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--keep", "both"], "no weights 'both'"),
        (["--drop", "everything"], "no group 'everything'"),
        (["--trash", "--delete-source"], "contradict"),
        (["--keep", "live", "--ema-partial"], "contradict"),
    ],
)
def test_wrong_use(tmp_path: Path, sd1: dict[str, Any], arguments: list[str], says: str) -> None:
    code, _, stderr, loaded = prune(tmp_path, sd1, *arguments)
    assert (code, loaded) == (2, None)
    assert says in stderr
