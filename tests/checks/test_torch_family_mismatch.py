from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import DeepProbe, Distribution, ImportProbe, TorchBuild
from sdops.finding import Severity


def torch(version, **build):
    return TorchBuild("torch", version, **build)


def vision(version, **build):
    return TorchBuild("torchvision", version, **build)


@pytest.fixture
def patient(machine, with_python):
    def make(torch_build, vision_build, audio_build=None, name="cpu-only-server-a1111"):
        return with_python(
            machine(name), torch=torch_build, torchvision=vision_build, torchaudio=audio_build
        )

    return make


def test_cpu_torch_beside_cuda_torchvision(patient, judge):
    facts = patient(torch("2.13.0+cpu"), vision("0.28.0+cu130", cuda="13.0"))
    (finding,) = judge("torch-family-mismatch", facts)
    assert finding.severity is Severity.ERROR
    for words in ("2.13.0 (CPU build)", "0.28.0 (CUDA 13.0 build)"):
        assert words in finding.title
    (command,) = finding.remedies[0].commands
    assert command.argv[1:] == (
        "-m",
        "pip",
        "install",
        "--force-reinstall",
        "--no-deps",
        "torchvision==0.28.0",
        "--index-url",
        "https://download.pytorch.org/whl/cpu",
    )


def test_version_and_build_are_one_finding(patient, judge):
    facts = patient(torch("2.13.0+cpu"), vision("0.27.0+cu130", cuda="13.0"))
    (finding,) = judge("torch-family-mismatch", facts)
    assert "torchvision==0.28.0" in finding.remedies[0].commands[0].argv


def test_another_release(patient, judge):
    facts = patient(torch("2.1.2+cpu"), vision("0.15.2+cpu"))
    (finding,) = judge("torch-family-mismatch", facts)
    assert finding.severity is Severity.ERROR
    assert "0.16.2" in finding.why


def test_another_patch_release_is_a_warning(patient, judge):
    facts = patient(torch("2.1.2+cpu"), vision("0.16.1+cpu"))
    (finding,) = judge("torch-family-mismatch", facts)
    assert finding.severity is Severity.WARNING


def test_another_cuda_minor_is_a_warning(machine, judge):
    (finding,) = judge("torch-family-mismatch", machine("rtx4070-linux-torchvision-cuda-mismatch"))
    assert finding.severity is Severity.WARNING


def test_both_companions_in_one_finding(patient, judge):
    audio = TorchBuild("torchaudio", "2.0.2+cpu")
    facts = patient(torch("2.1.2+cpu"), vision("0.15.2+cpu"), audio)
    (finding,) = judge("torch-family-mismatch", facts)
    argv = finding.remedies[0].commands[0].argv
    assert {"torchvision==0.16.2", "torchaudio==2.1.2"} <= set(argv)


def test_a_torch_that_is_itself_wrong_is_replaced_too(patient, judge):
    facts = patient(
        torch("2.8.0+cpu"),
        vision("0.23.0+cu128", cuda="12.8"),
        name="healthy-linux-rtx5090-comfyui",
    )
    (finding,) = judge("torch-family-mismatch", facts)
    assert {"torch==2.8.0", "torchvision==0.23.0"} <= set(finding.remedies[0].commands[0].argv)


def test_the_real_text_is_shown(patient, judge):
    words = "operator torchvision::nms does not exist"
    facts = patient(torch("2.13.0+cpu"), vision("0.28.0+cu130", cuda="13.0"))
    probe = ImportProbe("torchvision", False, exception="RuntimeError", message=words)
    (finding,) = judge("torch-family-mismatch", replace(facts, deep=DeepProbe(imports=(probe,))))
    assert words in finding.why


def test_its_own_requirement_counts_more_than_the_table(patient, judge, with_python):
    facts = patient(torch("2.99.0+cpu"), vision("0.99.0+cpu"))
    folder = facts.python.site_packages[0]
    dist = Distribution("torchvision", "0.99.0", folder, requires=("numpy", "torch (==2.98.0)"))
    (finding,) = judge("torch-family-mismatch", with_python(facts, distributions=(dist,)))
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("torch_build", "vision_build"),
    [
        (torch("2.13.0+cpu"), vision("0.28.0+cpu")),
        (torch("2.13.0"), vision("0.28.0")),
        (torch("2.15.0+cpu"), vision("0.29.1+cpu")),
        (torch("2.99.0+cu150", cuda="15.0"), vision("0.40.0+cu150", cuda="15.0")),
        (torch("2.6.0a0+nv25.01", cuda="12.8"), vision("0.20.0a0+nv25.01", cuda="12")),
        (torch("2.8.0+rocm6.4", hip="6.4.43482"), vision("0.23.0+rocm6.4", hip="6.4")),
        (torch("2.13.0", cuda="13.0"), vision("0.28.0")),
    ],
)
def test_quiet(patient, judge, torch_build, vision_build):
    assert not judge("torch-family-mismatch", patient(torch_build, vision_build))


def test_new_torchaudio_beside_any_torch(patient, judge):
    audio = TorchBuild("torchaudio", "2.11.0+cpu")
    assert not judge("torch-family-mismatch", patient(torch("2.13.0+cpu"), None, audio))
