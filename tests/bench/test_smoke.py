"""The smoke test on healthy models, and on models, devices and memory with injected faults."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sdops.bench import subject
from sdops.bench.device import choose
from sdops.bench.memory_limit import measured, resting_bytes
from sdops.bench.smoke.flags import findings as findings_for
from sdops.bench.smoke.flags import known_uis, launch_plan
from sdops.bench.smoke.run import Outcome, planned, report, smoke
from sdops.bench.smoke.steps.attention import try_attention
from sdops.bench.subject import LADDER
from sdops.finding import Severity
from sdops.launch import Standing
from sdops.sampler.attention import BACKENDS
from sdops.sampler.configuration import ARCHITECTURES
from sdops.sampler.weights import Weights, build

from . import models


def tried(checkpoint=None, ui="a1111", **options) -> tuple[Outcome, dict, list]:
    """The outcome, the launch plan's flags by name, and the findings' ids."""
    plan = planned(checkpoint, device="cpu", ui=ui, **options)
    outcome = smoke(plan)
    made = report(plan, outcome, 0.0)
    launch = made.data.launch
    flags = {flag.flag: flag.value for flag in launch.flags}
    assert all(flag.standing is Standing.MEASURED for flag in launch.flags)
    assert {word for word in launch.line.split() if word[0] == "-"} == set(flags)
    return outcome, flags, list(made.findings)


def rules(findings) -> set[str]:
    return {finding.rule for finding in findings}


def step(outcome: Outcome, name: str):
    return next(step for step in outcome.steps if step.name == name)


@pytest.mark.parametrize("architecture", ["tiny-sd15", "tiny-sd21", "tiny-sdxl"])
def test_healthy_random_model_gets_no_flag(architecture):
    outcome, flags, findings = tried(architecture=architecture)
    assert flags == {}
    assert findings == []
    assert [step.name for step in outcome.steps] == [
        "device and kernels", "attention", "checkpoint", "text encoder", "UNet", "VAE",
        "memory", "picture", "same seed", "batch invariance", "image to image", "inpainting",
        "hires pass", "tiled VAE", "memory returns",
    ]  # fmt: skip
    assert {step.ok for step in outcome.steps if step.name != "checkpoint"} == {True}


def test_healthy_checkpoint_gets_no_flag(tmp_path):
    outcome, flags, findings = tried(models.checkpoint(tmp_path / "model.safetensors"))
    assert flags == {}
    assert findings == []
    assert step(outcome, "checkpoint").ok is True


def lines(outcome: Outcome) -> dict[str, str]:
    """The launch line for each UI."""
    return {ui: launch_plan(outcome.steps, ui).line for ui in known_uis()}


def test_vae_that_overflows_gets_the_flag_of_each_ui(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.vae_overflows_fp16)
    outcome, flags, findings = tried(path)
    assert flags == {"--no-half-vae": None}
    assert lines(outcome) == {
        "a1111": "--no-half-vae",
        "a1111-amdgpu": "--no-half-vae",
        "forge": "--vae-in-fp32",
        "forge-classic": "--vae-in-fp32",
        "forge-neo": "--vae-in-fp32",
        "reforge": "--vae-in-fp32",
        "sdnext": "--no-half-vae",
        "comfyui": "--fp32-vae",
        "invokeai": "",
    }
    told = next(iter(findings_for(outcome.steps, "invokeai"))).remedies[0].text
    assert "precision: float32" in told
    assert rules(findings) == {"smoke-vae-half-precision"}
    assert "In fp32 it is right" in findings[0].why
    assert step(outcome, "VAE").measured["fp16"] is None
    assert step(outcome, "VAE").measured["headroom"] < 1
    assert step(outcome, "picture").ok


def test_unet_that_overflows_gets_full_precision(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.unet_overflows_fp16)
    outcome, flags, findings = tried(path)
    assert flags == {"--precision": "full", "--no-half": None}
    assert set(lines(outcome).values()) == {
        "--precision full --no-half", "--all-in-fp32", "--no-half", "--force-fp32", "",
    }  # fmt: skip
    assert rules(findings) == {"smoke-unet-half-precision"}


def test_attention_that_overflows_needs_no_more_than_upcast(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.attention_overflows_fp16)
    outcome, flags, findings = tried(path, "comfyui", attention="sub-quadratic")
    assert flags == {"--force-upcast-attention": None}
    assert findings[0].rule == "smoke-unet-half-precision"
    assert "With only its attention in fp32 it is right" in findings[0].why
    assert lines(outcome)["forge"] == "--force-upcast-attention"
    assert lines(outcome)["a1111"] == ""
    told = next(iter(findings_for(outcome.steps, "a1111"))).remedies[0].text
    assert "Upcast cross attention layer to float32" in told


def test_moving_average_is_tried_instead_of_the_live_weights(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.only_the_average_is_healthy)
    assert "smoke-unet-broken" in rules(tried(path)[2])
    assert rules(tried(path, weights=Weights.EMA)[2]) == set()
    plain = models.checkpoint(tmp_path / "plain.safetensors")
    outcome, _, _ = tried(plain, weights=Weights.EMA)
    assert "holds no EMA weights" in step(outcome, "checkpoint").detail


def test_broken_vae_is_told_from_one_that_overflows(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.vae_is_broken)
    for precision in ("fp32", "fp16"):
        _, flags, findings = tried(path, precision=precision)
        assert rules(findings) == {"smoke-vae-broken", "smoke-picture-none"}
        assert flags == {}
        assert "Nothing that was tried fixes it" in findings[1].why


def test_broken_unet_is_not_taken_for_another_kind(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.only_the_average_is_healthy)
    assert rules(tried(path)[2]) == {"smoke-unet-broken", "smoke-picture-none"}


@pytest.mark.parametrize(
    ("illness", "word"), [(models.paints_black, "black"), (models.paints_green, "all green")]
)
def test_bad_pictures_of_a_checkpoint_are_seen(tmp_path, illness, word):
    path = models.checkpoint(tmp_path / "model.safetensors", illness)
    outcome, flags, findings = tried(path)
    bad = next(finding for finding in findings if finding.rule == "smoke-picture-bad")
    assert word in bad.title
    assert step(outcome, "picture").ok is False
    assert flags == {}


def test_model_of_v_that_does_not_say_so_is_seen(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", models.predicts_v)
    assert "smoke-checkpoint-prediction" in rules(tried(path)[2])


def test_what_the_file_does_not_say_is_asked_and_told(tmp_path):
    path = models.checkpoint(tmp_path / "model.safetensors", name="tiny-sd21")
    tried_one = step(tried(path)[0], "checkpoint")
    assert tried_one.measured["prediction"] == "epsilon"
    assert "prediction epsilon (asked of the model" in tried_one.detail


def test_file_under_a_wrong_name_is_seen(tmp_path):
    path = models.checkpoint(tmp_path / "my_SDXL_v2.safetensors")
    findings = tried(path)[2]
    assert rules(findings) == {"smoke-checkpoint-mislabeled"}
    assert findings[0].severity is Severity.WARNING


def wrong(q, k, v):
    return BACKENDS["math"](q, k, v) * 1.2


def test_wrong_attention_leads_to_the_right_one(monkeypatch):
    monkeypatch.setitem(BACKENDS, "sdpa", wrong)
    outcome, flags, findings = tried()
    assert flags == {"--opt-sub-quad-attention": None}
    assert rules(findings) == {"smoke-attention-wrong"}
    assert step(outcome, "picture").ok


def test_wrong_attention_that_is_not_used_is_only_a_warning(monkeypatch):
    monkeypatch.setitem(BACKENDS, "experimental", wrong)
    _, flags, findings = tried()
    assert flags == {}
    assert [(f.rule, f.severity) for f in findings] == [
        ("smoke-attention-unused-wrong", Severity.WARNING)
    ]


def test_attention_that_the_device_has_not_is_told():
    """It must not be replaced in silence."""
    step, usable = try_attention(choose("cpu"), "cudnn")
    assert (step.ok, usable) == (False, "sdpa")
    (fault,) = step.faults
    assert (fault.rule, fault.need) == ("smoke-attention-absent", None)
    assert "with sdpa in its place" in fault.why
    assert try_attention(choose("cpu"), "math")[0].ok


def test_unrepeatable_attention_is_seen(monkeypatch):
    def unsteady(q, k, v):
        mixed = BACKENDS["math"](q, k, v)
        return mixed * (1 + 1e-6 * torch.rand(()))

    monkeypatch.setitem(BACKENDS, "sdpa", unsteady)
    assert "smoke-not-repeatable" in rules(tried()[2])


def test_device_that_fails_on_the_way_is_seen(monkeypatch):
    """A fault of the driver is what the smoke test is for, not a fault of sdops."""

    def failing(q, k, v):
        if q.shape[1] == 8:  # the model's heads, not those of the attention's own step
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nlong talk")
        return BACKENDS["math"](q, k, v)

    monkeypatch.setitem(BACKENDS, "sdpa", failing)
    outcome, flags, findings = tried()
    assert rules(findings) == {"smoke-device-fails"}
    assert "illegal memory access was encountered." in findings[0].why
    assert flags == {}
    assert outcome.steps[-1].ok is False


def test_precision_that_the_device_refuses_is_told(monkeypatch):
    def without_bf16(q, k, v):
        if q.dtype is torch.bfloat16:
            raise TypeError("BFloat16 is not supported here.")
        return BACKENDS["math"](q, k, v)

    monkeypatch.setitem(BACKENDS, "sdpa", without_bf16)
    outcome, flags, findings = tried()
    assert (flags, findings) == ({}, [])
    assert "bf16 is refused here (BFloat16 is not supported here)" in step(outcome, "UNet").detail


def test_attention_that_mixes_neighbors_is_seen(monkeypatch):
    def mixing(q, k, v):
        return BACKENDS["math"](q, k, v) + (0.0 if len(q) <= 2 else 1e-3)

    monkeypatch.setitem(BACKENDS, "sdpa", mixing)
    assert "smoke-batch-variant" in rules(tried()[2])


def test_neighbor_that_overflows_gets_a_flag(monkeypatch):
    """A second seed may fail where the first does not; the verdict must survive that."""

    def overflowing(q, k, v):
        has_neighbor = len(q) > 2 and q.dtype.itemsize == 2
        return BACKENDS["math"](q, k, v) * (float("inf") if has_neighbor else 1.0)

    monkeypatch.setitem(BACKENDS, "xformers", overflowing)
    outcome, flags, findings = tried(ui="comfyui", attention="xformers", precision="fp16")
    assert flags == {"--force-upcast-attention": None}
    assert rules(findings) == {"smoke-batch-none"}
    assert step(outcome, "batch invariance").ok is False
    assert step(outcome, "memory returns").ok is True


def test_picture_that_fails_the_second_time_is_the_devices_fault(monkeypatch):
    calls = []

    def failing_later(q, k, v):
        if q.shape[1] == 8:
            calls.append(q)
        return BACKENDS["math"](q, k, v) * (float("nan") if len(calls) > limit else 1.0)

    limit = 10**9
    monkeypatch.setitem(BACKENDS, "sdpa", failing_later)
    plan = planned(device="cpu")
    seen = []

    def on_step(done):
        nonlocal limit
        seen.append(done.name)
        if done.name == "picture":
            limit = 0

    outcome = smoke(plan, on_step)
    assert seen[-2:] == ["picture", "device"]
    made = report(plan, outcome, 0.0)
    assert rules(made.findings) == {"smoke-device-fails"}
    assert "The UNet gave values that are not numbers." in made.findings[0].why


def test_memory_limit_leads_to_the_first_policy_that_fits():
    whole, _, _ = tried()
    peak = whole.trial.peak_bytes
    outcome, flags, findings = tried(memory_limit=peak - 1)
    assert flags == {"--medvram": None}
    assert rules(findings) == {"smoke-memory-short"}
    assert outcome.trial.peak_bytes < peak
    outcome, flags, findings = tried(memory_limit=2**20)
    assert flags == {}
    assert rules(findings) == {"smoke-memory-never-fits"}


def test_parts_are_tried_on_smaller_pictures_where_fp32_has_no_room(monkeypatch):
    def small(q, k, v):
        if q.shape[1] == 8 and q.shape[2] > 64:  # the model's heads, more than half a picture
            raise torch.OutOfMemoryError("no room for so many tokens")
        return BACKENDS["math"](q, k, v)

    monkeypatch.setitem(BACKENDS, "sdpa", small)
    monkeypatch.setattr(subject, "TINY_SIDE", 128)
    outcome, flags, findings = tried()
    assert step(outcome, "UNet").ok
    assert step(outcome, "VAE").ok
    assert rules(findings) == {"smoke-memory-never-fits"}
    assert flags == {}


def test_weights_take_turns_as_the_policies_say():
    parts = build(ARCHITECTURES["sdxl"])
    sizes = [resting_bytes(parts, policy) for policy in LADDER]
    unet = sum(parameter.nbytes for parameter in parts.unet.parameters())
    encoder = max(sum(p.nbytes for p in text.parameters()) for text in parts.text)
    assert sizes[0] > sizes[1] == unet > sizes[2] == encoder


def test_memory_that_is_kept_is_seen(monkeypatch):
    kept = []

    def keeping(q, k, v):
        mixed = BACKENDS["math"](q, k, v)
        kept.append(mixed.new_zeros(2**18))
        return mixed

    monkeypatch.setitem(BACKENDS, "sdpa", keeping)
    assert "smoke-memory-kept" in rules(tried()[2])


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_limit_holds_on_a_gpu_and_ends(name):
    if not torch.cuda.is_available():
        pytest.skip("no GPU that torch can use")
    device = choose(name)
    with measured(device, 64 * 2**20), pytest.raises(torch.OutOfMemoryError):
        torch.empty(256 * 2**20, dtype=torch.uint8, device=name)
    with measured(device, None):
        torch.empty(256 * 2**20, dtype=torch.uint8, device=name)
    assert device.peak_bytes() >= 256 * 2**20


@pytest.mark.gpu
@pytest.mark.parametrize("architecture", ["sd15", "sdxl"])
def test_healthy_model_on_a_gpu(architecture):
    if not torch.cuda.is_available():
        pytest.skip("no GPU that torch can use")
    plan = replace(planned(architecture=architecture), device=planned().device)
    outcome = smoke(plan)
    bad = [step.name for step in outcome.steps if step.ok is False]
    assert bad == []
