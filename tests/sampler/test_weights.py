"""Where weights come from: mapped files, moving averages, separate VAEs; and what is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdops.dialect.options import Prediction, Sampling
from sdops.dialect.request import Request
from sdops.errors import UnreadableInputError
from sdops.sampler.configuration import ARCHITECTURES, UNET, VAE, Family, architecture, infer
from sdops.sampler.guidance import Velocity
from sdops.sampler.pipeline import Pipeline
from sdops.sampler.random_weights import randomize
from sdops.sampler.weights import Weights, assign, build, load

from .conftest import TINY
from .oracles import checkpoint_of

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
REQUEST = Request("a cat", "", 64, 64, seed=1, sampling=Sampling(steps=2))


@pytest.fixture(scope="module")
def state():
    return checkpoint_of(randomize(build(architecture("tiny-sd15")), seed=3))


def shapes_of(parts):
    return {name: tuple(tensor.shape) for name, tensor in checkpoint_of(parts).items()}


def saved(path: Path, tensors: dict) -> Path:
    if path.suffix == ".ckpt":
        torch.save({"state_dict": tensors, "global_step": 3}, path)
    else:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_read_off_its_own_tensors(name):
    config = architecture(name)
    inferred = infer(shapes_of(build(config)))
    assert inferred.prediction is (None if inferred.family is Family.SD2 else config.prediction)
    assert replace(inferred, prediction=config.prediction) == config


def test_real_checkpoints_have_the_published_number_of_tensors():
    """1130, 1228 and 2514 without clutter; of the latter two, one is an unused logit_scale."""
    counted = [len(shapes_of(build(architecture(name)))) for name in ("sd15", "sd21", "sdxl")]
    assert counted == [1130, 1228 - 1, 2514 - 1]


@pytest.mark.parametrize("ending", [".safetensors", ".ckpt"])
@pytest.mark.parametrize("name", TINY)
def test_a_file_gives_the_same_picture(name, ending, tmp_path):
    parts = randomize(build(architecture(name)), seed=3)
    path = saved(tmp_path / f"model{ending}", checkpoint_of(parts))
    from_file = Pipeline(load(path))
    config = replace(parts.config, prediction=from_file.prediction)
    expected = Pipeline(replace(parts, config=config)).sample(REQUEST)
    assert torch.equal(from_file.sample(REQUEST), expected)


def test_parameters_are_the_mapped_file(state, tmp_path):
    """No copy: every parameter of a part lies in one private mapping of the file."""
    path = saved(tmp_path / "model.safetensors", state)
    parts = load(path)
    storages = {
        p.untyped_storage().data_ptr() for m in parts.by_prefix().values() for p in m.parameters()
    }
    assert len(storages) == 1
    before = path.read_bytes()
    parts.unet.get_parameter("out.2.bias").data.fill_(7.0)
    assert path.read_bytes() == before


@linux_only
def test_loading_does_not_need_the_memory_twice(tmp_path):
    """Peak memory while loading 200 MB stays far below 200 MB: the pages are the file's."""
    parts = build(architecture("tiny-sd15"))
    tensors = checkpoint_of(randomize(parts))
    tensors["unused.big"] = torch.zeros(50_000_000)
    assert peak_of_loading(saved(tmp_path / "big.safetensors", tensors)) < 100_000_000


def peak_of_loading(path):
    program = (
        "import sys\nfrom pathlib import Path\nfrom sdops.sampler.weights import load\n"
        "def peak():\n"
        "    return int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
        "before = peak()\nparts = load(Path(sys.argv[1]))\nprint(peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    return int(done.stdout) * 1024


@linux_only
@pytest.mark.parametrize(("name", "most"), [("unused.big", 1.3), ("model_ema.big", 0.5)])
def test_old_files_do_not_need_the_memory_twice_either(name, most, tmp_path):
    """Before torch 1.6 tensors lay where they came to lie; those not aligned are read instead."""
    path = tmp_path / "old.ckpt"
    tensors = checkpoint_of(randomize(build(architecture("tiny-sd15"))))
    tensors[name] = torch.zeros(50_000_000)
    for padding in range(4):  # moves what comes after, so that it is not aligned in three of four
        state = {"state_dict": tensors, "padding": "x" * padding}
        torch.save(state, path, _use_new_zipfile_serialization=False)
        assert peak_of_loading(path) < most * path.stat().st_size
        path.unlink()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_files(dtype, state, tmp_path):
    half = {name: tensor.to(dtype) for name, tensor in state.items()}
    path = saved(tmp_path / "half.safetensors", half)
    assert load(path).unet.get_parameter("out.2.weight").dtype is dtype
    pipeline = Pipeline(load(path))
    assert pipeline.parts.unet.get_parameter("out.2.weight").dtype is torch.float32
    assert pipeline.sample(REQUEST).isfinite().all()


def test_moving_average(state, tmp_path):
    averaged = {
        "model_ema." + name[len("model.") :].replace(".", ""): tensor + 1
        for name, tensor in state.items()
        if name.startswith(UNET)
    }
    extra = {"model_ema.decay": torch.tensor(0.9), "model_ema.num_updates": torch.tensor(3)}
    path = saved(tmp_path / "full.ckpt", state | averaged | extra)
    name, live = "out.2.weight", state[f"{UNET}out.2.weight"]
    assert torch.equal(load(path).unet.get_parameter(name), live)
    assert torch.equal(load(path, Weights.EMA).unet.get_parameter(name), live + 1)
    assert load(path).notes == ()
    plain = saved(tmp_path / "plain.ckpt", state)
    assert torch.equal(load(plain, Weights.EMA).unet.get_parameter(name), live)


@pytest.mark.parametrize("prefix", ["", VAE])
def test_separate_vae(prefix, state, tmp_path):
    path = saved(tmp_path / "model.safetensors", state)
    inside = {name[len(VAE) :]: t + 1 for name, t in state.items() if name.startswith(VAE)}
    vae = saved(
        tmp_path / "vae.ckpt",
        {prefix + name: t for name, t in inside.items()} | {"loss.x": torch.ones(1)},
    )
    parts = load(path, vae=vae)
    name = "decoder.conv_in.weight"
    assert torch.equal(parts.vae.get_parameter(name), inside[name])
    without = saved(
        tmp_path / "bare.ckpt", {n: t for n, t in state.items() if not n.startswith(VAE)}
    )
    assert torch.equal(load(without, vae=vae).vae.get_parameter(name), inside[name])
    with pytest.raises(UnreadableInputError, match="no VAE"):
        load(path, vae=saved(tmp_path / "other.ckpt", {"x": torch.ones(1)}))


def test_old_naming_of_text_encoders(state, tmp_path):
    """Without `.text_model`, as older transformers wrote it."""
    renamed = {name.replace(".text_model.", "."): tensor for name, tensor in state.items()}
    ours = load(saved(tmp_path / "nai.ckpt", renamed))
    assert ours.config.text[0].prefix == "cond_stage_model.transformer."
    name = "final_layer_norm.weight"
    assert torch.equal(
        ours.text[0].get_parameter(name), state[f"cond_stage_model.transformer.text_model.{name}"]
    )


def test_clutter_is_not_reported_and_strangers_are(state, tmp_path):
    clutter = {
        "betas": torch.zeros(3), "alphas_cumprod": torch.zeros(3),
        "sqrt_alphas_cumprod": torch.zeros(3),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": torch.zeros(3),
        "posterior_mean_coef1": torch.zeros(3), "cond_stage_model.logit_scale": torch.zeros(()),
    }  # fmt: skip
    assert load(saved(tmp_path / "a.ckpt", state | clutter)).notes == ()
    (note,) = load(saved(tmp_path / "b.ckpt", state | {"stranger.weight": torch.zeros(3)})).notes
    assert "1 tensor not used (stranger.weight)" in note


def test_v_prediction_markers():
    shapes = shapes_of(build(architecture("tiny-sdxl")))
    assert infer(shapes | {"v_pred": (0,)}).prediction is Prediction.V
    config = infer(shapes | {"v_pred": (0,), "ztsnr": (0,)})
    assert config.zero_terminal_snr
    parts = randomize(build(config))
    assert Pipeline(parts).parameterization(Sampling()).levels.sigma_max > 4000


def test_a_yaml_beside_the_file_wins(state, tmp_path):
    path = saved(tmp_path / "model.ckpt", state)
    assert load(path).config.prediction is Prediction.EPSILON
    beside = tmp_path / "model.yaml"
    beside.write_text('model:\n  params:\n    parameterization: "v"\n    x: 1\n', "utf-8")
    assert load(path).config.prediction is Prediction.V
    beside.write_text("model:\n  params:\n    linear_start: 0.00085\n", "utf-8")
    assert load(path).config.prediction is Prediction.EPSILON
    asked = Sampling(prediction=Prediction.V, zero_terminal_snr=True)
    meaning = Pipeline(load(path)).parameterization(asked)
    assert isinstance(meaning, Velocity)
    assert meaning.levels.sigma_max > 4000


def test_layers_that_a_text_encoder_leaves_out_are_noticed():
    shapes = shapes_of(build(architecture("sd21")))
    assert not infer(shapes).text[0].ends_penultimate
    left = {name: shape for name, shape in shapes.items() if "resblocks.23." not in name}
    del left["cond_stage_model.model.text_projection"]
    (text,) = infer(left).text
    assert (text.layers, text.ends_penultimate, text.projection) == (23, True, 0)


def test_other_kinds_of_unet():
    base = architecture("tiny-sd15")
    for channels in (8, 9):
        config = replace(base, unet=replace(base.unet, in_channels=channels))
        assert infer(shapes_of(build(config))).unet.in_channels == channels
    xl = architecture("tiny-sdxl")
    refiner = replace(
        xl, family=Family.SDXL_REFINER,
        unet=replace(xl.unet, context_dim=64, vector_dim=64 + 5 * 256),
        text=(replace(xl.text[1], prefix="conditioner.embedders.0.model."),),
    )  # fmt: skip
    inferred = infer(shapes_of(build(refiner)))
    assert inferred == refiner
    assert "refiner" in str(inferred.report()["family"])


# What is refused: one clear line, with something to do


def refused(path: Path, *words: str) -> None:
    with pytest.raises(UnreadableInputError) as caught:
        load(path)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    for word in words:
        assert word in caught.value.message


@pytest.mark.parametrize("ending", [".safetensors", ".ckpt"])
@pytest.mark.parametrize("kept", [0, 7, 1000, 3_000_000])
def test_truncated(ending, kept, state, tmp_path):
    path = saved(tmp_path / f"cut{ending}", state)
    path.write_bytes(path.read_bytes()[:kept])
    refused(path, str(path))


def test_missing_file(tmp_path):
    with pytest.raises(UnreadableInputError, match="nowhere"):
        load(tmp_path / "nowhere.safetensors")


def test_a_lora_is_no_checkpoint(tmp_path):
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {
        f"{name}.lora_down.weight": torch.zeros(4, 768),
        f"{name}.lora_up.weight": torch.zeros(320, 4),
    }
    refused(saved(tmp_path / "style.safetensors", tensors), "lora")


VAE_ALONE = {
    "decoder.conv_in.weight": (512, 4, 3, 3),
    "decoder.mid.block_1.norm1.weight": (512,),
    "encoder.down.2.downsample.conv.weight": (512, 512, 3, 3),
    "post_quant_conv.weight": (4, 4, 1, 1),
}
FLUX = {
    "img_in.weight": (3072, 64),
    "txt_in.weight": (3072, 4096),
    "single_blocks.0.linear1.weight": (8, 8),
    "double_blocks.0.img_attn.norm.key_norm.scale": (128,),
}


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (VAE_ALONE, "it is a VAE alone"),
        (FLUX, "it is of another kind: FLUX.1"),
        ({"model_ema.diffusion_modelout2weight": (8,)}, "nothing but averaged (EMA) weights"),
        ({"x": (8,)}, "it is of no kind that sdops knows"),
    ],
    ids=["vae", "flux", "ema", "unknown"],
)
def test_other_files(shapes, words, tmp_path):
    tensors = {name: torch.zeros(shape) for name, shape in shapes.items()}
    refused(saved(tmp_path / "other.safetensors", tensors), words)


def test_missing_and_misshapen_tensors_are_listed(state, tmp_path):
    lacking = {n: t for n, t in state.items() if "output_blocks.0" not in n}
    refused(saved(tmp_path / "a.ckpt", lacking), "missing", "output_blocks.0.0.", "more")
    name = f"{UNET}time_embed.2.weight"
    refused(
        saved(tmp_path / "b.ckpt", state | {name: torch.zeros(3, 4)}),
        name,
        "[3, 4] instead of [128, 128]",
    )
    no_text = {n: t for n, t in state.items() if not n.startswith("cond_stage")}
    refused(saved(tmp_path / "c.ckpt", no_text), "c.ckpt holds no text encoder")
    no_vae = {n: t for n, t in state.items() if not n.startswith(VAE)}
    refused(saved(tmp_path / "d.ckpt", no_vae), "d.ckpt holds no VAE")
    halved = {n: t for n, t in state.items() if "encoder.conv_in" not in n}
    refused(saved(tmp_path / "e.ckpt", halved), "e.ckpt", f"tensor {VAE}encoder.conv_in.weight")
    with pytest.raises(UnreadableInputError):
        assign(build(architecture("tiny-sd15")), {}, "nothing")


@pytest.mark.parametrize(
    ("name", "shape", "word"),
    [
        (f"{UNET}input_blocks.0.0.weight", (33, 4, 3, 3), "multiple of 32"),
        (f"{UNET}input_blocks.0.0.weight", (0, 4, 3, 3), "unknown kind"),
        (f"{UNET}input_blocks.0.0.weight", (5,), "unknown kind"),
        (
            "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
            (100, 64),
            "tokens",
        ),
        (
            "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
            (49408, 128),
            "wide",
        ),
        (
            "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight",
            (248, 64),
            "does not read 77 tokens",
        ),
        (f"{UNET}label_emb.0.0.weight", (128, 1536), "unCLIP"),
        (f"{UNET}input_blocks.0.0.weight", (32, 5, 3, 3), "takes 5 channels"),
        (f"{VAE}decoder.conv_in.weight", (64, 16, 3, 3), "of 4 channels, and its VAE takes 16"),
    ],
)
def test_absurd_shapes(name, shape, word):
    shapes = shapes_of(build(architecture("tiny-sd15")))
    with pytest.raises(UnreadableInputError, match=word):
        infer(shapes | {name: shape})


def test_a_vector_that_nothing_gives_is_refused():
    shapes = shapes_of(build(architecture("tiny-sdxl")))
    name = f"{UNET}label_emb.0.0.weight"
    with pytest.raises(UnreadableInputError, match=r"1344 numbers beside the prompt.* give 1600"):
        infer(shapes | {name: (shapes[name][0], 64 + 5 * 256)})


def test_random_weights_are_the_seed_s():
    first, again, other = (
        randomize(build(architecture("tiny-sd15")), seed).unet.get_parameter("time_embed.0.weight")
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
