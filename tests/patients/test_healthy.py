"""Environments with which nothing is wrong."""

from __future__ import annotations

import pytest

from tests import uis

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_torch_on_a_machine_without_gpu(torch_venv, doctor):
    venv = torch_venv("venv")
    diagnosis = doctor(venv.root)
    if diagnosis.facts["gpus"]:
        pytest.skip("this machine has a GPU, for which a CPU build is a fault")
    assert diagnosis.exit_code == 0
    assert diagnosis.at_least("warning", "error", "critical") == []


def test_deep_finds_nothing_either(torch_venv, doctor):
    venv = torch_venv("venv")
    diagnosis = doctor(venv.root, "--deep")
    if diagnosis.facts["gpus"]:
        pytest.skip("this machine has a GPU, for which a CPU build is a fault")
    assert diagnosis.at_least("warning", "error", "critical") == []
    imports = {probe["module"]: probe for probe in diagnosis.facts["deep"]["imports"]}
    assert imports["torch"]["ok"]


def test_an_environment_without_torch(plain_venv, doctor):
    venv = plain_venv("venv", "requests")
    diagnosis = doctor(venv.root)
    assert [finding["id"] for finding in diagnosis.findings] == ["torch-missing"]
    assert diagnosis.errors == []


def test_a_user_interface_that_has_all_it_needs(torch_venv, doctor, tmp_path):
    root = uis.comfyui(tmp_path / "ComfyUI")
    (root / "requirements.txt").write_text("torch\nnumpy>=1.25.0\npillow\n")
    (root / "run.sh").write_text("#!/bin/sh\nvenv/bin/python main.py --cpu\n")
    venv = torch_venv("ComfyUI/venv")
    diagnosis = doctor(root)
    if diagnosis.facts["gpus"]:
        pytest.skip("this machine has a GPU, which --cpu leaves unused")
    assert diagnosis.at_least("warning", "error", "critical") == []
    assert diagnosis.facts["python"]["root"] == str(venv.root)
    assert diagnosis.report["data"]["launch"]["changes"] is False


def test_the_flag_that_a_machine_without_gpu_needs(torch_venv, doctor, tmp_path):
    root = uis.comfyui(tmp_path / "ComfyUI")
    venv = torch_venv("ComfyUI/venv")
    diagnosis = doctor(root)
    if diagnosis.facts["gpus"]:
        pytest.skip("this machine has a GPU")
    launch = diagnosis.report["data"]["launch"]
    assert [(flag["flag"], flag["standing"]) for flag in launch["flags"]] == [("--cpu", "known")]
    assert launch["line"] == f"{venv.python} main.py --cpu"
    assert launch["changes"] is True
