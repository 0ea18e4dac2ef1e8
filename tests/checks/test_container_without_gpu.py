from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import TorchBuild
from sdops.finding import Severity


def test_fires(machine, judge):
    (finding,) = judge("container-without-gpu", machine("docker-without-gpus-a1111"))
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].commands[0].line == "docker run --gpus all IMAGE"


def test_podman_and_amd(machine, judge, with_host, with_python):
    facts = with_host(machine("docker-without-gpus-a1111"), container="podman")
    facts = with_python(facts, torch=TorchBuild("torch", "2.8.0+rocm6.4", hip="6.4.43482"))
    (finding,) = judge("container-without-gpu", facts)
    assert "/dev/kfd" in finding.remedies[0].commands[0].argv


def test_kubernetes_has_no_command(machine, judge, with_host):
    facts = with_host(machine("docker-without-gpus-a1111"), container="kubernetes")
    (finding,) = judge("container-without-gpu", facts)
    assert "nvidia.com/gpu" in finding.remedies[0].text
    assert not finding.remedies[0].commands


def test_without_a_ui_it_may_be_meant(machine, judge):
    facts = replace(machine("docker-without-gpus-a1111"), ui=None)
    (finding,) = judge("container-without-gpu", facts)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("name", ["rtx4090-rented-pod-root", "cpu-only-server-a1111"])
def test_quiet(machine, judge, name):
    assert not judge("container-without-gpu", machine(name))


def test_quiet_where_the_processor_is_asked_for(machine, judge, launched):
    facts = launched(machine("docker-without-gpus-a1111"), "--use-cpu all")
    assert not judge("container-without-gpu", facts)
