"""Environments with which nothing is wrong."""

from __future__ import annotations

import pytest

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
