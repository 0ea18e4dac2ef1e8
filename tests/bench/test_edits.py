"""The smoke test's steps after the first picture: healthy models, and injected faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sdops.bench.device import choose
from sdops.bench.difference import relative_error
from sdops.bench.smoke.flags import findings, launch_plan
from sdops.bench.smoke.gallery import Wanted, save
from sdops.bench.smoke.run import planned, report
from sdops.bench.smoke.steps.pipeline import Whole
from sdops.bench.smoke.wanted import overrides
from sdops.bench.speed import run as speed
from sdops.bench.subject import Subject
from sdops.dialect.options import Prediction, Sampling
from sdops.errors import UsageError
from sdops.finding import Severity
from sdops.sampler.attention import BACKENDS
from sdops.sampler.memory import Memory
from sdops.sampler.pipeline import Options

from . import models
from .test_smoke import lines, rules, step, tried

NAMES = ("image to image", "inpainting", "hires pass", "tiled VAE")


def verdicts(outcome) -> list[bool | None]:
    return [step(outcome, name).ok for name in NAMES]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tiny-sd15 inpainting", [True, True, True, True]),
        ("tiny-sd15 pix2pix", [True, None, True, True]),
        ("tiny-sdxl refiner", [True, None, None, True]),
    ],
)
def test_each_kind_of_model_is_tried_as_it_is_used(name, expected, tmp_path):
    outcome, flags, findings = tried(models.checkpoint(tmp_path / "model.safetensors", name=name))
    assert verdicts(outcome) == expected
    assert flags == {}
    assert findings == []
    for skipped in (step(outcome, n) for n in NAMES):
        assert (skipped.ok is not None) or "does not apply" in skipped.detail
    if "inpainting" in name:
        assert step(outcome, "inpainting").measured["native"] is True


def test_encoder_that_overflows_gets_the_vae_flag(tmp_path):
    """A contact sheet that it cuts short takes nothing away from the verdict."""
    path = models.checkpoint(tmp_path / "model.safetensors", models.encoder_overflows_fp16)
    outcome, flags, findings = tried(path, precision="fp16")
    plan = planned(path, device="cpu", precision="fp16")
    wanted = Wanted.of(plan, tmp_path / "out", "Hires upscaler,Steps", "Latent, Lanczos", "2")
    saved = save(wanted, plan.subject, outcome.trial)
    assert [Path(name).name for name in saved.paths] == ["smoke.png", "001.png"]
    assert all(Path(name).is_file() for name in saved.paths)
    (fault,) = saved.faults
    assert "The VAE gave values that are not numbers." in fault
    made = report(plan, outcome, 0.0, saved.paths, saved.faults)
    assert (made.exit_code, made.faults) == (1, saved.faults)
    assert flags == {"--no-half-vae": None}
    assert lines(outcome)["comfyui"] == "--fp32-vae"
    assert rules(findings) == {"smoke-image-to-image-none"}
    assert "In fp32 it works" in findings[0].why
    assert verdicts(outcome) == [False, True, True, True]


def test_a_sheet_that_the_model_cannot_make_is_refused_at_once(tmp_path):
    with pytest.raises(UsageError, match="image CFG scale"):
        Wanted.of(planned(device="cpu"), tmp_path / "out", "Image CFG scale,Steps", "2", "1")
    with pytest.raises(UsageError, match="changes nothing"):
        Wanted.of(planned(device="cpu"), tmp_path / "out", "Mask blur,Steps", "2", "1")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("setting", "needs", "axes"),
    [
        ("Denoising strength: 0.5", "a hires pass", "Hires steps,Steps"),
        ("Variation seed: 2", "Variation seed strength", "Variation seed strength,Steps"),
        ("Mask blur: 2", "a mask", None),
    ],
)
def test_settings_that_change_nothing_are_refused(setting, needs, axes, tmp_path):
    """Unless the sheet gives them what they need, be it at one place."""
    plan = planned(device="cpu", overrides=overrides([setting]))
    with pytest.raises(UsageError, match="changes nothing") as caught:
        Wanted.of(plan, None, None, None, None)
    assert needs in caught.value.hint
    if axes:
        assert Wanted.of(plan, tmp_path / "out", axes, "0, 1", "2").axes


def test_attention_that_overflows_only_at_twice_the_size_is_seen(monkeypatch):
    def overflowing(q, k, v):
        is_large = q.shape[2] >= 256 and q.dtype.itemsize == 2
        return BACKENDS["math"](q, k, v) * (float("inf") if is_large else 1.0)

    monkeypatch.setitem(BACKENDS, "xformers", overflowing)
    monkeypatch.setattr("sdops.bench.smoke.steps.attention.SHAPES", ((1, 2, 64, 64, 40),))
    outcome, flags, findings = tried(ui="comfyui", attention="xformers", precision="fp16")
    assert flags == {"--force-upcast-attention": None}
    assert rules(findings) == {"smoke-hires-pass-none"}
    assert verdicts(outcome) == [True, True, False, True]


def test_larger_picture_that_comes_out_bad_is_seen(monkeypatch):
    def spoiled(latent, size, upscaler):
        seeded = torch.Generator().manual_seed(1)
        return torch.randn(*latent.shape[:2], *size, generator=seeded) * 1000

    monkeypatch.setattr("sdops.sampler.pipeline.resize_latent", spoiled)
    outcome, flags, findings = tried()
    assert flags == {}
    assert rules(findings) == {"smoke-hires-pass-bad"}
    assert "noise" in findings[0].title
    assert step(outcome, "hires pass").ok is False


def test_no_memory_for_the_larger_picture_is_a_warning(monkeypatch):
    def greedy(q, k, v):
        room = q.new_zeros(2**25 if q.shape[2] >= 256 else 1)
        return BACKENDS["math"](q, k, v) + room[0]

    monkeypatch.setitem(BACKENDS, "xformers", greedy)
    monkeypatch.setattr("sdops.bench.smoke.steps.attention.SHAPES", ((1, 2, 64, 64, 40),))
    outcome, flags, findings = tried(attention="xformers", memory_limit=100 * 2**20)
    assert flags == {}
    assert [(f.rule, f.severity) for f in findings] == [
        ("smoke-hires-pass-memory", Severity.WARNING)
    ]
    assert "does not fit" in step(outcome, "hires pass").detail


def test_inpainting_that_touches_the_rest_is_seen(monkeypatch):
    monkeypatch.setattr("sdops.sampler.pipeline.paste_back", lambda picture, source, mask: picture)
    _, _, findings = tried()
    assert rules(findings) == {"smoke-inpainting-spills"}


def test_inpainting_that_paints_nothing_is_seen(monkeypatch):
    monkeypatch.setattr("sdops.sampler.pipeline.paste_back", lambda picture, source, mask: source)
    assert rules(tried()[2]) == {"smoke-inpainting-nothing"}


def test_image_to_image_that_forgets_is_seen(tmp_path):
    ill = models.scaled("model.diffusion_model.out.2.weight", 300.0)
    path = models.checkpoint(tmp_path / "model.safetensors", ill)
    assert "smoke-image-to-image-forgets" in rules(tried(path)[2])


def test_tiles_that_show_are_seen(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.vae_is_glaring)
    assert "smoke-tiled-vae-seams" in rules(tried(path)[2])


@pytest.mark.parametrize(
    ("illnesses", "metadata"),
    [
        ((models.says_v_and_zero_terminal_snr,), None),
        ((), {"modelspec.prediction_type": "v", "ss_zero_terminal_snr": "True"}),
    ],
)
def test_model_of_v_up_to_pure_noise_is_sampled_so(illnesses, metadata, tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", *illnesses, metadata=metadata)
    outcome, flags, findings = tried(path)
    assert flags == {}
    assert findings == []
    said = step(outcome, "checkpoint").detail
    assert "prediction v, noise up to zero terminal SNR" in said
    written = str(outcome.trial.text)
    assert "Noise Schedule: Zero Terminal SNR" in written
    assert "Prediction type: v" in written
    plain = models.checkpoint(tmp_path / "plain.safetensors")
    ours, other = (
        Whole(Subject(checkpoint=file), Options(), choose("cpu")).make()[1].latents
        for file in (path, plain)
    )
    assert relative_error(ours, other) > 0.1
    assert torch.equal(ours, outcome.trial.latents)


def test_benchmark_samples_it_so_too(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.says_v_and_zero_terminal_snr)
    plan = speed.planned(path, "tiny", "cpu", None, "sdpa", "eager")
    pipeline = plan.subject(plan.protocol.cases[0]).pipeline(plan.options)
    assert pipeline.prediction is Prediction.V
    assert pipeline.parameterization(Sampling()).levels.sigma_max > 4000


def test_vae_tiles_come_before_slower_ways_where_a_ui_has_them(monkeypatch):
    """At three times the side, the VAE takes most of what a picture takes beside the weights."""
    monkeypatch.setattr("sdops.bench.subject.TINY_SIDE", 192)
    whole = Whole(Subject(), Options(), choose("cpu"), ui="invokeai")
    peak = whole.make()[1].peak_bytes

    def short(ui):
        memory, trial = replace(whole, memory_limit=peak - 1, ui=ui).make()
        assert trial.peak_bytes < peak
        line = launch_plan([memory], ui).line
        return memory, [fault.rule for fault in memory.faults], line, trial.options

    memory, found, line, options = short("invokeai")
    assert (found, line) == (["smoke-memory-vae"], "")
    assert (options.memory, options.vae_tile) == (Memory.ALL, 12)
    told = findings([memory], "invokeai")[0].remedies[0].text
    assert "force_tiled_decode: true" in told
    memory, found, line, options = short("comfyui")
    assert (found, line, memory.ok) == ([], "", True)
    assert "which ComfyUI does by itself" in memory.detail
    _, found, line, options = short("a1111")
    assert (found, line, options.vae_tile) == (["smoke-memory-short"], "--medvram", None)
