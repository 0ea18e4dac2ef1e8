"""`sdops smoke --like`: a picture made again, and why it may come out different."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from sdops.bench.device import choose
from sdops.bench.smoke.run import planned
from sdops.bench.smoke.steps.like import Like, try_like
from sdops.bench.smoke.steps.pipeline import Whole
from sdops.bench.smoke.wanted import Overrides, overrides
from sdops.bench.subject import Subject
from sdops.checkpoint.hash.hashes import hash_file
from sdops.dialect.metadata.texts import read_texts
from sdops.dialect.pictures import open_picture, save
from sdops.dialect.request import Request
from sdops.errors import SdopsError, UnreadableInputError, UsageError
from sdops.finding import Severity
from sdops.sampler.pipeline import Options
from sdops.version import __version__

from . import models
from .test_commands import answer, refused, sdops


def infotext_in(path):
    return read_texts(path).named["parameters"]


PLAIN = "Steps: 2, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 64x64, RNG: CPU"
EVERYTHING = (
    "a cat <lora:sharp:0.8> [dog:bird:1]\nNegative prompt: bad\n"
    "Steps: 4, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 5, Size: 64x64, "
    "Model hash: 0123456789, Model: other, VAE hash: 9876543210, VAE: nice.vae, "
    "Denoising strength: 0.6, Clip skip: 2, Mask blur: 4, Face restoration: CodeFormer, "
    'Lora hashes: "sharp: 12ab", TI hashes: "easy: 34cd", ControlNet 0: "Module: canny", '
    "ADetailer model: face_yolov8n.pt, Refiner: sdxl, Refiner switch at: 0.8, Gadget: 7, "
    "Version: v1.5.1"
)


def like(path, subject=Subject(), asked=Overrides()) -> Like:  # noqa: B008
    return Like.of(path, asked, subject, choose("cpu"))


def rules(found: Like) -> set[str]:
    return {fault.rule.removeprefix("smoke-like-") for fault in found.reasons}


def text_file(folder, text, name="like.txt"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A picture that the command made, and its folder."""
    folder = tmp_path_factory.mktemp("made") / "pictures"
    done = sdops(
        "smoke", "--device", "cpu", "--output-dir", folder, "--json",
        "--set", "Clip skip: 2, Variation seed strength: 0.2", "--set", "Batch size: 2",
    )  # fmt: skip
    names = [path.rsplit(os.sep, 1)[-1] for path in answer(done)["data"]["images"]]
    assert names == ["smoke.png", "smoke-2.png"]
    return folder


def test_a_picture_comes_out_the_same_again(made):
    document = answer(sdops("smoke", "--device", "cpu", "--like", made / "smoke-2.png", "--json"))
    assert document["findings"] == []
    said = document["data"]["like"]
    assert (said["verdict"], said["psnr"], said["reasons"]) == ("same", None, [])
    written = infotext_in(made / "smoke-2.png")
    assert document["data"]["infotext"] == written
    assert "Variation seed: 1" in written


def tried(path, asked=Overrides(), subject=Subject()):  # noqa: B008
    """The step, without the others."""
    found = like(path, subject, asked)
    work = Whole(subject, Options(), choose("cpu"), replace(asked, given=found.request))
    trial = work.make()[1]
    assert trial is not None
    return try_like(found, trial)


def test_a_compressed_copy_is_nearly_the_same(made, tmp_path):
    source = open_picture(made / "smoke.png")
    for name in ("copy.jpg", "copy.webp"):
        save(source, tmp_path / name, infotext_in(made / "smoke.png"))
        step = tried(tmp_path / name)
        assert (step.ok, step.measured["verdict"], step.faults) == (True, "near", ())
        assert 25 < step.measured["psnr"] < 45


def test_other_settings_make_another_picture_and_say_so(made):
    step = tried(made / "smoke.png", overrides(["Seed: 99, cfg scale: 3"]))
    assert (step.ok, step.measured["verdict"]) == (None, "other")
    assert [fault.rule for fault in step.faults] == ["smoke-like-settings"]
    assert "Seed, CFG scale" in step.faults[0].why
    assert {fault.severity for fault in step.faults} == {Severity.INFO}


def test_a_difference_that_nothing_explains_is_a_warning(made, tmp_path):
    source = open_picture(made / "smoke.png")
    text = infotext_in(made / "smoke.png")
    save(source.transpose(Image.Transpose.ROTATE_180), tmp_path / "turned.png", text)
    step = tried(tmp_path / "turned.png")
    assert (step.ok, [fault.rule for fault in step.faults]) == (False, ["smoke-like-differs"])
    assert step.faults[0].severity is Severity.WARNING
    save(source.resize((128, 128)), tmp_path / "larger.png", text)
    step = tried(tmp_path / "larger.png")
    assert (step.ok, step.measured["verdict"]) == (None, None)
    assert "128 × 128" in step.detail
    step = tried(text_file(tmp_path, text))
    assert (step.ok, step.measured["verdict"], step.faults) == (None, None, ())


def test_black_there_and_good_here_is_said(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors")
    subject, digest = Subject(checkpoint=path), hash_file(path).a1111_short
    text = f"a cat\n{PLAIN}, Model hash: {digest}, Model: model"
    save(Image.new("RGB", (64, 64)), tmp_path / "black.png", text)
    step = tried(tmp_path / "black.png", subject=subject)
    assert [fault.rule for fault in step.faults] == [
        "smoke-like-given-bad", "smoke-like-differs",
    ]  # fmt: skip
    assert "black" in step.faults[0].title
    assert "--no-half-vae" in step.faults[0].advice


def test_what_cannot_be_repeated_is_said(tmp_path):
    path = text_file(tmp_path, EVERYTHING)
    found = like(path)
    assert rules(found) == {
        "model", "vae", "start", "mask", "lora", "textual-inversion",
        "controlnet", "adetailer", "refiner", "faces", "unknown", "noise",
    }  # fmt: skip
    assert "Gadget" in next(f for f in found.reasons if f.rule.endswith("unknown")).why
    request = found.request
    assert (request.prompt, request.negative) == ("a cat  [dog:bird:1]", "bad")
    assert (request.sampling.sampler, request.sampling.scheduler) == ("DPM++ 2M", "Karras")
    assert (request.prompt_options.clip_skip, request.guidance.scale) == (2, 6.5)
    assert request.rng == "NV"
    assert request.prompt_options.old_timelines
    fixed = overrides(["RNG: CPU"], None, *[_picture(tmp_path)] * 2)
    assert {"start", "mask", "noise"} & rules(like(path, asked=fixed)) == set()


def _picture(folder):
    path = folder / "plain.png"
    Image.new("RGB", (64, 64), "red").save(path)
    return path


def test_files_are_known_by_their_hashes(tmp_path):
    checkpoint = models.checkpoint(tmp_path / "model.safetensors")
    own = hash_file(checkpoint)
    subject = Subject(checkpoint=checkpoint, vae=checkpoint)
    for digest in (own.autov2, own.a1111_legacy, own.sha256):
        text = f"{PLAIN}, Model hash: {digest}, VAE hash: {own.autov2}, VAE: x"
        assert rules(like(text_file(tmp_path, text), subject)) == set()
    hashed = subject.hashed().files
    assert str(Request().infotext(hashed)).endswith(
        f"Size: 512x512, Model hash: {own.a1111_short}, Model: model, VAE hash: {own.a1111_short},"
        f" VAE: model.safetensors, Version: sdops {__version__}"
    )
    for name in ("model", "model.safetensors"):
        text = f"{PLAIN}, Model hash: {own.autov2}, VAE: {name}"
        assert rules(like(text_file(tmp_path, text), subject)) == set()
    text = f"{PLAIN}, Model: model, VAE: model"
    assert rules(like(text_file(tmp_path, text), subject)) == {"model-unsaid"}
    text = f"{PLAIN}, Model hash: 0123456789, VAE hash: 0123456789"
    assert rules(like(text_file(tmp_path, text), subject)) == {"model", "vae"}
    nameless = like(text_file(tmp_path, f"{PLAIN}, Model hash: 0123456789")).reasons
    assert [fault.why for fault in nameless] == [
        "That was one without a name with the hash 0123456789."
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [("v1.10.1", set()), ("sdops 0.1.0", set()), ("ComfyUI", {"other-program"}),
     ("f2.0.1v1.10.1-previous-669", {"other-program"})],
)  # fmt: skip
def test_other_programs(version, expected, tmp_path):
    text = f"{PLAIN}, Model: tiny-sd15 with random weights, Version: {version}"
    assert rules(like(text_file(tmp_path, text))) == expected


def test_hires_upscalers_that_are_models_are_replaced(tmp_path):
    text = f"{PLAIN}, Denoising strength: 0.5, Hires upscale: 2, Hires upscaler: 4x-UltraSharp"
    found = like(text_file(tmp_path, text))
    assert rules(found) == {"model", "upscaler"}
    assert found.request.hires is not None
    assert found.request.hires.upscaler == "Lanczos"
    assert found.request.strength == 0.5


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in chunks:
        parts.append(struct.pack(">I", len(data)) + kind + data)
        parts.append(struct.pack(">I", zlib.crc32(kind + data)))
    return b"".join(parts)


def _header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


def test_hostile_pictures_are_refused(tmp_path):
    pixels = (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")
    bomb = b"parameters\0\0" + zlib.compress(b"a" * 100_000_000)
    files = {
        "huge.png": (_png(_header(2**31 - 1, 2**31 - 1), *pixels), "pixels"),
        "wide.png": (_png(_header(60_000, 10), *pixels), "60000 × 10 pixels"),
        "cut.png": (_png(_header(64, 64), *pixels)[:-30], "not a picture"),
        "text-bomb.png": (_png(_header(64, 64), (b"zTXt", bomb), *pixels), "not a picture"),
        "none.png": (b"hello", "not a picture"),
        "empty.webp": (b"", "not a picture"),
    }
    for name, (content, said) in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableInputError, match=said):
            like(tmp_path / name)
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("missing.png", "pipe.png", "missing.txt"):
        with pytest.raises(UnreadableInputError, match=name):
            like(tmp_path / name)


def _with_text(path, **chunks):
    info = PngImagePlugin.PngInfo()
    for key, text in chunks.items():
        info.add_text(key, text)
    Image.new("RGB", (64, 64)).save(path, pnginfo=info)
    return path


def test_pictures_of_other_programs_are_named(tmp_path):
    for keys, said in (
        ({"prompt": "{}", "workflow": "{}"}, "no infotext"),
        ({"invokeai_metadata": "{}"}, "names no seed"),
        ({"parameters": '{"seed": "5", "base_model": "x"}'}, None),
        ({"parameters": f"x\n{PLAIN}, Distilled CFG Scale: 3.5"}, "made with a flow model"),
        ({"Title": "x"}, "no infotext"),
        ({"parameters": "just words"}, "names no seed"),
        ({"parameters": f"x\n{PLAIN}", "workflow": "{}"}, None),
    ):
        path = _with_text(tmp_path / "picture.png", **keys)
        if said is None:
            assert like(path).request.seed == 5
        else:
            with pytest.raises(UnreadableInputError, match=said):
                like(path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (PLAIN.replace("Euler", "Eulr"), "no sampler called 'Eulr'.*Did you mean 'Euler'"),
        (PLAIN.replace("64x64", "99999x64"), "Size cannot be '99999x64'"),
        (PLAIN.replace("Steps: 2", "Steps: 1000000"), "Steps cannot be"),
        (f"{PLAIN}, Clip skip: many", "Clip skip cannot be 'many'"),
    ],
)
def test_infotext_that_cannot_be_is_refused(line, said, tmp_path):
    path = text_file(tmp_path, line)
    with pytest.raises(UsageError) as caught:
        like(path)
    told = f"{caught.value.message} {caught.value.hint}"
    assert all(part in told for part in said.split(".*"))
    assert "--set" in told
    name = caught.value.hint.rsplit("'", 2)[1].partition(":")[0]
    good = {"Sampler": "Euler", "Size": "64x64", "Steps": "2", "Clip skip": "1"}[name]
    assert like(path, asked=overrides([f"{name}: {good}"])).request.seed == 5


def test_the_command_refuses_in_a_line(tmp_path):
    wrong = text_file(tmp_path, PLAIN.replace("Euler", "Eulr"))
    for arguments, said in (
        (("--like", wrong), "Did you mean 'Euler'?"),
        (("--like", tmp_path / "none.png"), "none.png"),
        (("--set", "Clip skp: 2"), "Did you mean 'Clip skip'?"),
    ):
        done = sdops("smoke", *arguments)
        refused(done, said)
        assert done.returncode == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"settings": ["Image CFG scale: 1.5"]}, "instruct-pix2pix"),
        ({"settings": ["Hires upscale: 0.5"]}, "hires pass"),
        ({"settings": ["Prompt: (a:1.2.3)"]}, "1.2.3"),
        ({"prompt": "[(a:1.2.3):b:0.5]"}, "1.2.3"),
        ({"prompt": "[a|(b:1.2.3)]"}, "1.2.3"),
        ({"settings": ["Hires upscale: 2"], "prompt": "[a:(b:1.2.3):1.5]"}, "1.2.3"),
        ({"settings": ["Hires upscale: 2", 'Hires prompt: "(a:1.2.3)"']}, "1.2.3"),
    ],
)
def test_wishes_are_checked_before_any_work(options, said):
    with pytest.raises(SdopsError) as caught:
        planned(device="cpu", overrides=overrides(**options))
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_a_mask_needs_an_image(tmp_path):
    with pytest.raises(UsageError, match="mask"):
        planned(device="cpu", overrides=overrides(mask=_picture(tmp_path)))


def test_inpainting_keeps_what_the_mask_leaves_out(tmp_path):
    image, mask = tmp_path / "image.png", tmp_path / "mask.png"
    Image.effect_noise((64, 64), 80).convert("RGB").save(image)
    Image.linear_gradient("L").resize((64, 64)).point(lambda gray: 255 * (gray > 128)).save(mask)
    asked = overrides(["Mask blur: 0, Denoising strength: 1"], "a cat", image, mask)
    trial = Whole(Subject(), Options(), choose("cpu"), asked).make()[1]
    made, start = trial.pictures[0].image, Image.open(image)
    assert made.crop((0, 0, 64, 24)).tobytes() == start.crop((0, 0, 64, 24)).tobytes()
    assert made.crop((0, 40, 64, 64)).tobytes() != start.crop((0, 40, 64, 64)).tobytes()
    assert "Denoising strength: 1, RNG: CPU, Mask blur: 0" in trial.text


def test_what_needs_a_mask_or_another_model_reaches_the_picture(tmp_path):
    path = models.checkpoint(
        tmp_path / "model.safetensors", models.sees_the_picture_to_edit, name="tiny-sd15 pix2pix"
    )
    image = _picture(tmp_path)
    mask = tmp_path / "mask.png"
    Image.linear_gradient("L").resize((64, 64)).save(mask)
    for subject, name, masked in (
        (Subject(checkpoint=path), "Image CFG scale", None),
        (Subject(), "Mask blur", mask),
    ):
        made = [
            Whole(
                subject, Options(), choose("cpu"), overrides([setting], None, image, masked)
            ).make()
            for setting in (f"Steps: 4, {name}: 1", f"Steps: 4, {name}: 20")
        ]
        one, other = (trial.pictures[0] for _, trial in made if trial)
        assert one.infotext.parameters[name] == 1
        assert one.image.tobytes() != other.image.tobytes()


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_pictures_are_read_or_refused(data, tmp_path_factory):
    ending = data.draw(st.sampled_from(["png", "jpg", "webp"]))
    path = tmp_path_factory.getbasetemp() / f"damaged.{ending}"
    save(Image.new("RGB", (16, 16)), path, PLAIN)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        picture = open_picture(path)
    except UnreadableInputError:
        return
    assert picture.size


def test_hostile_infotext_takes_no_time(tmp_path):
    config = Subject().parts().config
    for part in ("a", " ", 'aa: "x,', "<a:", "[", "[a:1]", "(a:1)", "a AND ", "\\"):
        filler = part * (60_000 // len(part))
        Overrides(given=like(text_file(tmp_path, f"{filler}\n{PLAIN}")).request).request(config)
        with pytest.raises(UnreadableInputError, match=r"no infotext|names no seed"):
            like(text_file(tmp_path, f"x\n{filler}"))
