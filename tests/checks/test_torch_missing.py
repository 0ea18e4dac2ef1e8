from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.finding import Severity


@pytest.fixture
def without_torch(with_python, with_packages):
    def take(facts):
        bare = with_packages(facts, torch=None, torchvision=None, torchaudio=None)
        return with_python(bare, torch=None, torchvision=None, torchaudio=None)

    return take


def test_comfyui_cannot_start(machine, judge, without_torch):
    (finding,) = judge("torch-missing", without_torch(machine("healthy-linux-rtx5090-comfyui")))
    assert finding.severity is Severity.ERROR
    (command,) = finding.remedies[0].commands
    assert command.argv[:4] == ("/home/user/ComfyUI/venv/bin/python", "-m", "pip", "install")
    assert any(word.startswith("torch==") for word in command.argv)


def test_a1111_installs_it_itself(machine, judge, without_torch, launched):
    facts = without_torch(machine("healthy-linux-rtx3060-a1111"))
    (finding,) = judge("torch-missing", facts)
    assert finding.severity is Severity.INFO
    assert "torch==2.1.2" in finding.remedies[0].commands[0].argv
    (told_not_to,) = judge("torch-missing", launched(facts, "--skip-install"))
    assert told_not_to.severity is Severity.ERROR


def test_sdops_own_environment_is_no_patient(machine, judge, without_torch, with_packages):
    facts = replace(without_torch(machine("healthy-linux-rtx3060-a1111")), ui=None)
    (elsewhere,) = judge("torch-missing", facts)
    assert elsewhere.severity is Severity.WARNING
    (beside_sdops,) = judge("torch-missing", with_packages(facts, sdops="0.1.0"))
    assert beside_sdops.severity is Severity.INFO


def test_half_installed(machine, judge, with_python, with_packages):
    facts = with_packages(machine("healthy-linux-rtx3060-a1111"), torch="2.1.2")
    (finding,) = judge("torch-missing", with_python(facts, torch=None))
    assert finding.severity is Severity.ERROR
    assert "half" in finding.title


def test_quiet_where_torch_is_there(machine, judge):
    assert not judge("torch-missing", machine("healthy-linux-rtx3060-a1111"))
