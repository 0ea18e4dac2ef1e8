from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import TorchBuild
from sdops.finding import Severity


def test_wsl_2(machine, judge):
    facts = replace(machine("wsl2-rtx3080-comfyui"), gpus=(), drivers=())
    (finding,) = judge("wsl-without-gpu", facts)
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].commands[0].line == "wsl --update"


def test_a_driver_inside_wsl_must_go(machine, judge):
    (finding,) = judge("wsl-without-gpu", replace(machine("wsl2-rtx3080-comfyui"), gpus=()))
    assert "inside WSL" in finding.remedies[0].text


def test_wsl_1(machine, judge, with_host):
    facts = with_host(replace(machine("wsl2-rtx3080-comfyui"), gpus=()), wsl=1)
    (finding,) = judge("wsl-without-gpu", facts)
    assert finding.remedies[0].commands[0].argv[:2] == ("wsl", "--set-version")


def test_quiet(machine, judge, with_python):
    assert not judge("wsl-without-gpu", machine("wsl2-rtx3080-comfyui"))
    assert not judge("wsl-without-gpu", machine("docker-without-gpus-a1111"))
    cpu = TorchBuild("torch", "2.8.0+cpu")
    without = replace(with_python(machine("wsl2-rtx3080-comfyui"), torch=cpu), gpus=())
    assert not judge("wsl-without-gpu", without)
