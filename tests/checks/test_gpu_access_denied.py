from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Driver
from sdops.finding import Severity

DENIED = Driver(
    "amd", "amdgpu", loaded=True, device_nodes=("/dev/kfd",), denied_nodes=("/dev/kfd",)
)


@pytest.fixture
def denied(machine):
    return replace(machine("healthy-linux-rx6800-comfyui"), drivers=(DENIED,))


def test_fires(denied, judge):
    (finding,) = judge("gpu-access-denied", denied)
    assert finding.severity is Severity.ERROR
    assert "/dev/kfd" in finding.why
    assert finding.remedies[0].commands[0].line == "sudo usermod -a -G render,video USER"


def test_in_a_container_groups_are_given_at_its_start(denied, judge, with_host):
    (finding,) = judge("gpu-access-denied", with_host(denied, container="docker"))
    assert "--group-add" in finding.remedies[0].text


def test_quiet(machine, judge, denied):
    assert not judge("gpu-access-denied", machine("healthy-linux-rx6800-comfyui"))
    without_card = replace(denied, gpus=())
    assert not judge("gpu-access-denied", without_card)


def test_quiet_for_the_card_of_another_maker(machine, judge):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge("gpu-access-denied", replace(facts, drivers=(*facts.drivers, DENIED)))
