"""Pictures of every program, written the way each writes them, are read alike."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.dialect.metadata.read import Picture, read_made, read_picture
from sdops.dialect.metadata.texts import Texts
from sdops.errors import UnreadableInputError

Image = pytest.importorskip("PIL.Image")
PngImagePlugin = pytest.importorskip("PIL.PngImagePlugin")

USER_COMMENT, EXIF_IFD = 0x9286, 0x8769


def png(path: Path, *, packed: bool = False, **texts: str) -> Path:
    chunks = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        chunks.add_text(name.replace("__", "-"), text, zip=packed)
    Image.new("RGB", (64, 48)).save(path, pnginfo=chunks)
    return path


def with_exif(path: Path, comment: bytes | None = None, **tags: str) -> Path:
    exif = Image.Exif()
    for name, text in tags.items():
        exif[{"make": 0x010F, "model": 0x0110, "description": 0x010E}[name]] = text
    if comment is not None:
        exif.get_ifd(EXIF_IFD)[USER_COMMENT] = comment
    Image.new("RGB", (64, 48)).save(path, exif=exif.tobytes())
    return path


def sampled(picture: Picture) -> tuple[str | None, ...]:
    assert picture.made is not None
    names = ("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size")
    return tuple(picture.made.settings.get(name) for name in names)


INFOTEXT = """a cat <lora:fur:0.8>, <hypernet:anime:1>
Negative prompt: dog
Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 5, Size: 512x768, Model hash: 6ce0161689, \
Model: v1-5, VAE: None, Lora hashes: "fur: 0123456789ab", TI hashes: "easynegative: c74b4e810b03", \
Version: v1.6.0"""
AS_A1111 = ("20", "DPM++ 2M", "Karras", "7", "5", "512x768")


@pytest.mark.parametrize("packed", [False, True])
def test_a1111_in_png(tmp_path, packed):
    picture = read_picture(png(tmp_path / "p.png", packed=packed, parameters=INFOTEXT))
    made = picture.made
    assert made.program == "A1111"
    assert sampled(picture) == AS_A1111
    assert [(n.kind, n.name, n.weight, n.hash) for n in made.networks] == [
        ("lora", "fur", "0.8", "0123456789ab"),
        ("hypernet", "anime", "1", None),
        ("embedding", "easynegative", None, "c74b4e810b03"),
    ]
    assert [(m.kind, m.name, m.hash) for m in made.models] == [("checkpoint", "v1-5", "6ce0161689")]
    assert "VAE" not in made.settings
    assert picture.missing == ()


@pytest.mark.parametrize("ending", ["jpg", "webp", "png"])
@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + INFOTEXT.encode("utf-16-be"),
        b"UNICODE\0" + INFOTEXT.encode("utf-16-le"),
        b"ASCII\0\0\0" + INFOTEXT.encode(),
        bytes(8) + INFOTEXT.encode(),
    ],
    ids=["utf-16-be", "utf-16-le", "ascii", "undefined"],
)
def test_a1111_in_exif(tmp_path, ending, comment):
    assert sampled(read_picture(with_exif(tmp_path / f"p.{ending}", comment))) == AS_A1111


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a1111_in_a_text_of_any_editor(tmp_path, encoding):
    path = tmp_path / "p.txt"
    path.write_bytes(INFOTEXT.replace("cat", "café").replace("\n", "\r\n").encode(encoding))
    picture = read_picture(path)
    assert sampled(picture) == AS_A1111
    assert picture.made.prompt.startswith("a café")


@pytest.mark.parametrize(
    ("version", "program"),
    [
        ("v1.10.1", "A1111"),
        ("1.8.0-RC", "A1111"),
        ("f2.0.1v1.10.1-previous-659-gc055f2d4", "Forge"),
        ("f1.0.0v2-v1.10.1RC-latest-2184-g50c9c0a2", "reForge"),
        ("neo", "Forge Neo"),
        ("ComfyUI", "ComfyUI"),
        ("sdops 0.1", "sdops"),
    ],
)
def test_programs_by_their_version(version, program):
    text = f"x\nSteps: 1, Sampler: Euler, Seed: 2, Version: {version}"
    assert read_made(Texts({"parameters": text})).program == program


def test_sdnext_and_forge_by_what_they_add():
    text = "x\nSteps: 1, Sampler: Euler, Seed: 2, App: SD.Next, Version: 0eb4a98"
    assert read_made(Texts({"parameters": text})).program == "SD.Next"
    text = "x\nSteps: 8, Sampler: Euler, Seed: 2, Distilled CFG Scale: 3.5, Module 1: t5xxl_fp16"
    made = read_made(Texts({"parameters": text}))
    assert made.program == "Forge"
    assert made.family == "a flow model such as Flux or SD3"
    assert [model.name for model in made.models] == ["t5xxl_fp16"]


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("Steps: 9, Sampler: k_euler_ancestral, Seed: -5", {"Sampler": "Euler a", "Seed": "-5"}),
        ("Steps: 9, Sampler: DPM++2MKarras, Seed: 5", {"Schedule type": "Karras"}),
        ("Steps: 9, Sampler: dpmpp_2m_karras, Seed: 5", {"Sampler": "DPM++ 2M"}),
        ("Parameters: Steps: 9, Sampler: Euler, Seed: 18446744073709551617", {"Steps": "9"}),
        ("Steps: 9 | Sampler: Euler a | Seed: 5 | CFG scale: 7", {"CFG scale": "7"}),
        ("Steps: 9, Sampler: Euler,\nSeed: 5,\n CFG scale: 7", {"CFG scale": "7"}),
        ("Steps: 9, Sampler: Euler, Seed: 5\nhttps://example.com/images/1", {"Seed": "5"}),
        (
            'Steps: 9, Sampler: Euler, Hashes: {"model": "a1", "lora:x": "b2"}, Seed: 5',
            {"Seed": "5"},
        ),
        ('Steps: 9, Sampler: Euler, TI hashes: "x: 1, y: 2, Seed: 5', {"Seed": "5"}),
        ("Steps: 9, Sampler: Euler, Tiling, Seed: 5", {"Tiling": "Tiling"}),
        (
            "Steps: 9, Sampler: Euler, Seed: 5\nTemplate: a {b|c}, d: e",
            {"Template": "a {b|c}, d: e"},
        ),
    ],
)
def test_infotext_in_any_state(line, settings):
    made = read_made(Texts({"parameters": f"a cat\nNegative prompt: dog\n{line}"}))
    assert (made.prompt, made.negative) == ("a cat", "dog")
    assert settings.items() <= dict(made.settings).items()


def test_infotext_on_one_line_and_with_the_marks_of_a_forum():
    for text in (
        "a cat Negative prompt: dog Steps: 9, Sampler: Euler, Seed: 5, CFG scale: 7",
        "[b]a cat[/b]\n[b]Negative prompt:[/b] dog\n[b]Steps:[/b] 9, Sampler: Euler, Seed: 5",
    ):
        made = read_made(Texts({"parameters": text}))
        assert (made.prompt, made.negative, made.settings["Seed"]) == ("a cat", "dog", "5")


def test_a_size_that_says_nothing_is_left_out():
    made = read_made(Texts({"parameters": "x\nSteps: 1, Seed: 2, Size: -1x-1, VAE: None, ENSD: "}))
    assert dict(made.settings) == {"Steps": "1", "Seed": "2"}


def test_civitai_resources_are_networks_and_models():
    resources = json.dumps([
        {"type": "checkpoint", "modelVersionId": 1, "modelName": "Pony"},
        {"type": "lora", "weight": 0.8, "modelVersionId": 2, "modelName": "Fur, thick"},
        {"type": "embed", "modelVersionId": 3, "modelName": "neg"},
    ])  # fmt: skip
    text = f"x\nSteps: 1, Sampler: Euler a, Seed: 2, Civitai resources: {resources}, Clip skip: 2"
    made = read_made(Texts({"parameters": text}))
    assert made.program == "Civitai"
    assert made.settings["Clip skip"] == "2"
    assert [(n.kind, n.name, n.weight) for n in made.networks] == [
        ("lora", "Fur, thick", "0.8"), ("embedding", "neg", None),
    ]  # fmt: skip
    assert [model.name for model in made.models] == ["Pony"]


# ComfyUI


def graph(**more: object) -> dict:
    """As ComfyUI's default workflow is sent, with a LoRA."""
    return {
        "3": {"class_type": "KSampler", "inputs": {
            "seed": 156680208700286, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m",
            "scheduler": "karras", "denoise": 1.0, "model": ["10", 0], "positive": ["6", 0],
            "negative": ["7", 0], "latent_image": ["5", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd/v1-5.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["11", 0]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "dog", "clip": ["11", 0]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "C", "images": ["8", 0]}},
        "10": {"class_type": "LoraLoader", "inputs": {
            "lora_name": "fur.safetensors", "strength_model": 0.75, "strength_clip": 1.0,
            "model": ["4", 0], "clip": ["4", 1]}},
        "11": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["10", 1]}},
        **more,
    }  # fmt: skip


AS_COMFYUI = ("20", "DPM++ 2M", "Karras", "8", "156680208700286", "512x768")


def check_comfyui(picture: Picture) -> None:
    made = picture.made
    assert made.program == "ComfyUI"
    assert (made.prompt, made.negative) == ("a cat", "dog")
    assert sampled(picture) == AS_COMFYUI
    assert made.settings["Clip skip"] == "2"
    assert [(n.kind, n.name, n.weight) for n in made.networks] == [("lora", "fur", "0.75")]
    assert [m.name for m in made.models] == ["sd/v1-5.safetensors"]
    assert made.settings["Model"] == "v1-5"
    assert made.not_understood == ()


def test_comfyui_in_png(tmp_path):
    check_comfyui(read_picture(png(tmp_path / "p.png", prompt=json.dumps(graph()))))


def test_comfyui_in_webp_and_as_a_file(tmp_path):
    check_comfyui(
        read_picture(with_exif(tmp_path / "p.webp", make=f"prompt:{json.dumps(graph())}"))
    )
    (tmp_path / "w.json").write_text(json.dumps(graph()))
    check_comfyui(read_picture(tmp_path / "w.json"))


def workflow(*, named: bool) -> dict:
    """`graph` as the editor saves it, with names for its widgets or, as before 2025, without."""
    orders = {
        "KSampler": ["seed", "-", "steps", "cfg", "sampler_name", "scheduler", "denoise"],
        "CheckpointLoaderSimple": ["ckpt_name"], "EmptyLatentImage": ["width", "height", "batch_size"],
        "CLIPTextEncode": ["text"], "LoraLoader": ["lora_name", "strength_model", "strength_clip"],
        "CLIPSetLastLayer": ["stop_at_clip_layer"], "VAEDecode": [], "SaveImage": ["filename_prefix"],
    }  # fmt: skip
    nodes, links = [], []
    for name, row in graph().items():
        order, slots = orders[row["class_type"]], []
        values = [row["inputs"].get(key, "randomize") for key in order]
        for key, value in row["inputs"].items():
            if isinstance(value, list):
                links.append([len(links) + 1, int(value[0]), value[1], int(name), 0, "X"])
                slots.append({"name": key, "link": len(links)})
            elif named:
                slots.append({"name": key, "link": None, "widget": {"name": key}})
        nodes.append({"id": int(name), "type": row["class_type"], "mode": 0, "inputs": slots,
                      "widgets_values": values})  # fmt: skip
    return {"nodes": nodes, "links": links, "version": 0.4}


@pytest.mark.parametrize("named", [True, False])
def test_comfyui_by_its_workflow_alone(tmp_path, named):
    text = json.dumps(workflow(named=named))
    check_comfyui(read_picture(png(tmp_path / "p.png", workflow=text)))


def test_comfyui_of_flux_with_its_custom_sampler():
    nodes = {
        "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": ["20", 0], "clip": ["3", 0]}},
        "3": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": "t5xxl.safetensors"}},
        "4": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["2", 0]}},
        "5": {"class_type": "BasicGuider", "inputs": {"model": ["30", 0], "conditioning": ["4", 0]}},
        "6": {"class_type": "RandomNoise", "inputs": {"noise_seed": ["21", 0]}},
        "7": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "8": {"class_type": "BasicScheduler", "inputs": {
            "scheduler": "simple", "steps": 28, "denoise": 1.0, "model": ["30", 0]}},
        "9": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 1024, "height": 1024}},
        "10": {"class_type": "SamplerCustomAdvanced", "inputs": {
            "noise": ["6", 0], "guider": ["5", 0], "sampler": ["7", 0], "sigmas": ["8", 0],
            "latent_image": ["9", 0]}},
        "11": {"class_type": "VAEDecode", "inputs": {"samples": ["10", 0], "vae": ["12", 0]}},
        "12": {"class_type": "VAELoader", "inputs": {"vae_name": "ae.safetensors"}},
        "13": {"class_type": "SaveImage", "inputs": {"images": ["11", 0]}},
        "20": {"class_type": "StringConcatenate", "inputs": {
            "string_a": "a fox", "string_b": "at dawn", "delimiter": ", "}},
        "21": {"class_type": "Seed (rgthree)", "inputs": {"seed": 42}},
        "30": {"class_type": "Power Lora Loader (rgthree)", "inputs": {
            "lora_1": {"on": True, "lora": "ink.safetensors", "strength": 0.9},
            "lora_2": {"on": False, "lora": "off.safetensors", "strength": 1.0}, "model": ["1", 0]}},
    }  # fmt: skip
    made = read_made(Texts({"prompt": json.dumps(nodes)}))
    assert made.prompt == "a fox, at dawn"
    assert dict(made.settings) == {
        "Steps": "28", "Sampler": "Euler", "Schedule type": "Simple", "Seed": "42",
        "Size": "1024x1024", "Distilled CFG Scale": "3.5", "Model": "flux1-dev",
        "VAE": "ae.safetensors",
    }  # fmt: skip
    assert made.family == "a flow model such as Flux or SD3"
    assert [(n.name, n.weight) for n in made.networks] == [("ink", "0.9")]


def test_comfyui_with_a_second_pass_and_a_prompt_that_cannot_be_followed():
    nodes = graph()
    nodes["8"]["inputs"]["samples"] = ["13", 0]
    nodes["12"] = {
        "class_type": "LatentUpscaleBy",
        "inputs": {"samples": ["3", 0], "scale_by": 1.5},
    }
    nodes["13"] = {
        "class_type": "KSampler",
        "inputs": {**nodes["3"]["inputs"], "steps": 10, "denoise": 0.5, "latent_image": ["12", 0]},
    }
    nodes["6"] = {"class_type": "MysteryEncoder", "inputs": {"thing": ["14", 0]}}
    nodes["14"] = {"class_type": "Mystery", "inputs": {}}
    made = read_made(Texts({"prompt": json.dumps(nodes)}))
    assert (made.settings["Steps"], made.settings["Hires steps"]) == ("20", "10")
    assert made.settings["Denoising strength"] == "0.5"
    assert made.not_understood == ("the prompt behind MysteryEncoder",)


def test_comfyui_in_a_circle_ends():
    nodes = {
        "1": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
        "2": {"class_type": "KSampler", "inputs": {
            "seed": ["3", 0], "sampler_name": "euler", "latent_image": ["2", 0],
            "positive": ["4", 0], "negative": ["4", 0], "model": ["2", 0]}},
        "3": {"class_type": "Int", "inputs": {"value": ["3", 0]}},
        "4": {"class_type": "ConditioningCombine", "inputs": {
            "conditioning_1": ["4", 0], "conditioning_2": ["4", 0]}},
    }  # fmt: skip
    assert read_made(Texts({"prompt": json.dumps(nodes)})).settings["Sampler"] == "Euler"


# Others


def test_invokeai_of_three_ages():
    new = {
        "positive_prompt": "a cat", "negative_prompt": "dog", "width": 512, "height": 768,
        "seed": 5, "cfg_scale": 7.0, "steps": 20, "scheduler": "dpmpp_2m_k", "clip_skip": 0,
        "model": {"key": "k", "hash": "blake3:ab", "name": "dreamy", "base": "sd-1", "type": "main"},
        "loras": [{"model": {"key": "l", "name": "fur"}, "weight": 0.75}],
    }  # fmt: skip
    made = read_made(Texts({"invokeai_metadata": json.dumps(new)}))
    assert (made.program, made.prompt, made.negative) == ("InvokeAI", "a cat", "dog")
    assert made.settings["Sampler"] == "DPM++ 2M"
    assert made.settings["Schedule type"] == "Karras"
    assert made.settings["Model"] == "dreamy"
    assert [(n.name, n.weight) for n in made.networks] == [("fur", "0.75")]
    old = {"model_weights": "sd-1.5", "model_hash": "cc6cb2710341", "image": {
        "prompt": [{"prompt": "a cat [dog]", "weight": 1.0}], "steps": 20, "cfg_scale": 7.5,
        "seed": 5, "width": 512, "height": 768, "sampler": "k_euler_a"}}  # fmt: skip
    made = read_made(Texts({"sd-metadata": json.dumps(old), "Dream": "x"}))
    assert (made.prompt, made.negative) == ("a cat", "dog")
    assert (made.settings["Sampler"], made.settings["Size"]) == ("Euler a", "512x768")
    made = read_made(Texts({"Dream": '"a \\"cat\\"" -s 50 -S 42 -W 512 -H 768 -C7.5 -A k_lms'}))
    assert made.settings["Seed"] == "42"
    assert (made.settings["Sampler"], made.settings["CFG scale"]) == ("LMS", "7.5")


NOVELAI = {"prompt": "1girl", "steps": 28, "height": 1216, "width": 832, "scale": 5.0, "seed": 7,
           "sampler": "k_euler_ancestral", "noise_schedule": "karras", "uc": "lowres",
           "sm": True}  # fmt: skip


def test_novelai_in_png(tmp_path):
    texts = {"Software": "NovelAI", "Source": "NovelAI Diffusion V3 1E1C72EA", "Title": "AI image",
             "Description": "1girl", "Comment": json.dumps(NOVELAI)}  # fmt: skip
    picture = read_picture(png(tmp_path / "p.png", **texts))
    assert picture.made.program == "NovelAI"
    assert sampled(picture) == ("28", "Euler a", "Karras", "5", "7", "832x1216")
    assert picture.made.not_understood == ("SMEA",)
    assert picture.made.models[0].hash == "1E1C72EA"


def hide(path: Path, name: bytes, data: bytes, channels: int) -> Path:
    """`data` in the lowest bits, as NovelAI and the extension for A1111 write it."""
    pixels = np.full((96, 80, channels), 254, np.uint8)
    raw = name + (8 * len(data)).to_bytes(4, "big") + data
    bits = np.unpackbits(np.frombuffer(raw, np.uint8))
    plane = (pixels[..., 3:] if channels == 4 else pixels).transpose(1, 0, 2)
    flat = plane.reshape(-1).copy()
    flat[: len(bits)] |= bits
    pixels[..., 3 if channels == 4 else 0 :] = flat.reshape(plane.shape).transpose(1, 0, 2)
    Image.fromarray(pixels).save(path)
    return path


def test_novelai_in_the_alpha_channel(tmp_path):
    outer = {"Software": "NovelAI", "Source": "NovelAI Diffusion V3 1E1C72EA",
             "Description": "1girl", "Comment": json.dumps(NOVELAI)}  # fmt: skip
    data = gzip.compress(json.dumps(outer).encode())
    picture = read_picture(hide(tmp_path / "p.png", b"stealth_pngcomp", data, 4))
    assert picture.made.program == "NovelAI"
    assert sampled(picture)[:2] == ("28", "Euler a")


def test_infotext_hidden_in_the_colors(tmp_path):
    path = hide(tmp_path / "p.png", b"stealth_rgbinfo", INFOTEXT.encode(), 3)
    assert sampled(read_picture(path)) == AS_A1111


def test_fooocus():
    table = {"prompt": "a cat", "negative_prompt": "dog", "full_prompt": ["a cat, cinematic"],
             "steps": 30, "performance": "Speed", "resolution": "(1152, 896)", "guidance_scale": 4,
             "sharpness": 2, "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras", "seed": "5",
             "base_model": "juggernautXL_v8", "base_model_hash": "aeb7e9e689",
             "loras": [["offset.safetensors", 0.1, "4852686128"]],
             "version": "Fooocus v2.5.0"}  # fmt: skip
    made = read_made(Texts({"parameters": json.dumps(table), "fooocus_scheme": "fooocus"}))
    assert made.program == "Fooocus"
    assert made.settings["Sampler"] == "DPM++ 2M SDE"
    assert made.settings["Size"] == "1152x896"
    assert [(n.name, n.weight, n.hash) for n in made.networks] == [("offset", "0.1", "4852686128")]


def test_swarmui():
    table = {"sui_image_params": {
        "prompt": "a cat", "negativeprompt": "dog", "model": "sd_xl_base_1.0", "seed": 5, "steps": 20,
        "cfgscale": 7.0, "width": 1024, "height": 1024, "sampler": "dpmpp_2m", "scheduler": "karras",
        "loras": ["fur"], "loraweights": ["0.75"], "swarm_version": "0.9.3.1"},
        "sui_models": [{"name": "sd_xl_base_1.0.safetensors", "param": "model", "hash": "0xd7a9"}],
    }  # fmt: skip
    made = read_made(Texts({"parameters": json.dumps(table)}))
    assert made.program == "SwarmUI"
    assert made.settings["CFG scale"] == "7"
    assert [(n.name, n.weight) for n in made.networks] == [("fur", "0.75")]
    assert made.models[0].hash == "0xd7a9"


def test_easy_diffusion_in_texts_json_and_words():
    api = {"prompt": "a cat", "negative_prompt": "dog", "seed": 5, "num_inference_steps": 25,
           "guidance_scale": 7.5, "width": 512, "height": 768, "sampler_name": "euler_a",
           "use_stable_diffusion_model": "C:\\ed\\models\\sd-v1-5.ckpt", "clip_skip": "False"}  # fmt: skip
    words = ("Prompt: a cat\nNegative Prompt: dog\nSeed: 5\nSteps: 25\nGuidance Scale: 7.5\n"
             "Width: 512\nHeight: 768\nSampler: euler_a\nStable Diffusion model: sd-v1-5.ckpt")  # fmt: skip
    for texts in (
        {name: str(value) for name, value in api.items()},
        {"UserComment": json.dumps(api)},
        {"text": words},
    ):
        made = read_made(Texts(texts))
        assert (made.program, made.prompt, made.negative) == ("Easy Diffusion", "a cat", "dog")
        assert (made.settings["Sampler"], made.settings["Model"]) == ("Euler a", "sd-v1-5")
        assert made.settings["Size"] == "512x768"


def test_draw_things(tmp_path):
    table = {"c": "a cat", "uc": "dog", "steps": 8, "scale": 2, "seed": 5, "size": "512x768",
             "sampler": "DPM++ 2M Karras", "model": "sd_v1.5_f16.ckpt", "strength": 1,
             "lora": [{"model": "fur_lora_f16.ckpt", "weight": 0.6}]}  # fmt: skip
    comment = json.dumps(table).replace("&", "&amp;").replace('"', "&quot;")
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
        'syntax-ns#"><rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://'
        'ns.adobe.com/xap/1.0/" xmp:CreatorTool="Draw Things"><exif:UserComment><rdf:Alt><rdf:li>'
        f"{comment}</rdf:li></rdf:Alt></exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp)
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png", pnginfo=info)
    picture = read_picture(tmp_path / "p.png")
    assert picture.made.program == "Draw Things"
    assert sampled(picture) == ("8", "DPM++ 2M", "Karras", "2", "5", "512x768")
    assert [(n.name, n.weight) for n in picture.made.networks] == [("fur_lora_f16", "0.6")]


def test_civitai_api():
    meta = {"prompt": "a cat", "negativePrompt": "dog", "cfgScale": 7, "steps": 20, "seed": 5,
            "sampler": "DPM++ 2M Karras", "Size": "512x768", "Model": "v1-5",
            "resources": [{"name": "fur", "type": "lora", "weight": 0.8}],
            "hashes": {"model": "6ce0161689"}}  # fmt: skip
    made = read_made(Texts({"text": json.dumps({"meta": meta})}))
    assert (made.program, made.settings["Sampler"]) == ("Civitai", "DPM++ 2M")
    assert [(n.name, n.weight) for n in made.networks] == [("fur", "0.8")]
    assert made.models[0].hash == "6ce0161689"


# Damage


def test_a_cut_picture_still_says_how_it_was_made(tmp_path):
    whole = png(tmp_path / "p.png", parameters=INFOTEXT).read_bytes()
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole[: whole.index(b"IDAT") + 10])
    assert sampled(read_picture(cut)) == AS_A1111


def test_what_says_nothing(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "p.jpg")
    assert read_picture(tmp_path / "p.jpg").made is None
    (tmp_path / "x.bin").write_bytes(bytes(range(256)) * 40)
    with pytest.raises(UnreadableInputError, match="neither a picture nor a text"):
        read_picture(tmp_path / "x.bin")
    with pytest.raises(UnreadableInputError, match="cannot be read"):
        read_picture(tmp_path / "none.png")


def test_a_text_that_inflates_without_end_is_passed_over(tmp_path):
    packed = zlib.compress(bytes(100 << 20), 9)
    body = b"parameters\0\0" + packed
    path = png(tmp_path / "p.png")
    whole = path.read_bytes()
    chunk = (
        len(body).to_bytes(4, "big")
        + b"zTXt"
        + body
        + zlib.crc32(b"zTXt" + body).to_bytes(4, "big")
    )
    path.write_bytes(whole[:33] + chunk + whole[33:])
    picture = read_picture(path)
    assert picture.made is None
    assert picture.faults == ("the text “parameters” is damaged or too large",)


def test_xmp_with_entities_is_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    from sdops.dialect.metadata.texts import _xmp

    texts = Texts()
    _xmp(bomb.encode(), texts)
    assert texts.named == {}
    assert "may be a trap" in texts.faults[0]


NAMES = st.sampled_from(["parameters", "prompt", "workflow", "Comment", "sd-metadata", "Dream",
                         "UserComment", "text", "invokeai_metadata", "Software", "fooocus_scheme"])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["inputs", "class_type", "nodes", "links", "image", "c", "uc", "prompt",
                         "sui_image_params", "model", "seed", "loras", "steps", "base_model"])
        | st.text(max_size=6), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, JSON.map(json.dumps) | st.text(max_size=200), max_size=4))
def test_any_texts_are_read_or_passed_over(named):
    made = read_made(Texts({name: text for name, text in named.items() if text}))
    assert made is None or all(isinstance(value, str) for value in made.settings.values())


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=12))
def test_any_damage_is_survived(place, garbage):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = png(Path(folder, "p.png"), parameters=INFOTEXT)
        data = bytearray(path.read_bytes())
        place %= len(data)
        data[place : place + len(garbage)] = garbage
        path.write_bytes(data)
        try:
            picture = read_picture(path)
        except UnreadableInputError:
            return
        assert picture.path == path
