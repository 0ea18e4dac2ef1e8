"""Packages of the torch family that do not belong together."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_torchvision_of_another_cuda_build(torch_venv, doctor):
    venv = torch_venv("venv", "torchvision==0.28.0")
    diagnosis = doctor(venv.root)
    assert diagnosis.exit_code == 1
    (error,) = diagnosis.findings
    assert (error["id"], error["severity"]) == ("torch-family-mismatch", "error")
    for part in ("torchvision 0.28.0", "torch 2.13.0", "CUDA 13.0", "CPU"):
        assert part in error["title"]
    (command,) = (command for remedy in error["remedies"] for command in remedy["commands"])
    assert command["argv"] == [
        str(venv.python), "-m", "pip", "install", "--force-reinstall", "--no-deps",
        "torchvision==0.28.0", "--index-url", "https://download.pytorch.org/whl/cpu",
    ]  # fmt: skip


def test_deep_shows_the_real_exception(torch_venv, doctor):
    venv = torch_venv("venv", "torchvision==0.28.0")
    diagnosis = doctor(venv.root, "--deep")
    assert diagnosis.exit_code == 1
    assert [error["id"] for error in diagnosis.errors] == ["torch-family-mismatch"]
    probes = {probe["module"]: probe for probe in diagnosis.facts["deep"]["imports"]}
    assert probes["torch"]["ok"]
    assert probes["torchvision"]["exception"] == "RuntimeError"
    assert probes["torchvision"]["message"] == "operator torchvision::nms does not exist"
    assert "operator torchvision::nms does not exist" in str(diagnosis.findings)


def test_xformers_with_a_stable_abi_but_another_cuda(torch_venv, doctor):
    venv = torch_venv("venv", "xformers==0.0.35")
    diagnosis = doctor(venv.root)
    (finding,) = diagnosis.findings
    assert (finding["id"], finding["severity"]) == ("xformers-mismatch", "error")
    assert finding["evidence"]["built_for_cuda"] == "12.8"
    assert "CUDA" in finding["why"]
    assert "2.10" not in finding["title"] + finding["why"]


def test_torchvision_of_another_release(torch_venv, doctor):
    venv = torch_venv("venv", "torchvision==0.22.1")
    diagnosis = doctor(venv.root)
    assert diagnosis.exit_code == 1
    (error,) = diagnosis.findings
    assert error["id"] == "torch-family-mismatch"
    assert "torchvision 0.22.1" in error["title"]
    assert "torch 2.13.0" in error["title"]
    assert "belongs torchvision 0.28.0" in error["why"]
    assert "torchvision==0.28.0" in str(error["remedies"])
