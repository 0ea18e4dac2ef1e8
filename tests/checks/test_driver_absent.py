from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Driver
from sdops.finding import Action, Severity


@pytest.mark.parametrize(
    ("driver", "word"),
    [
        (Driver("nvidia", "nouveau", loaded=True), "nouveau"),
        (Driver("nvidia", "nvidia", loaded=False), "not running"),
    ],
)
def test_fires(machine, judge, driver, word):
    facts = replace(machine("healthy-linux-rtx3060-a1111"), drivers=(driver,))
    (finding,) = judge("driver-absent", facts)
    assert finding.severity is Severity.ERROR
    assert word in finding.title
    assert finding.remedies[0].action is Action.UPDATE_DRIVER


def test_amd_module_not_loaded(machine, judge):
    facts = replace(
        machine("healthy-linux-rx6800-comfyui"), drivers=(Driver("amd", "amdgpu", loaded=False),)
    )
    (finding,) = judge("driver-absent", facts)
    assert finding.remedies[0].commands[0].line == "sudo modprobe amdgpu"


@pytest.mark.parametrize(
    "name", ["healthy-linux-rtx3060-a1111", "healthy-mac-m1-a1111", "rtx3090-driver-mismatch-803"]
)
def test_quiet(machine, judge, name):
    assert not judge("driver-absent", machine(name))


def test_quiet_in_a_container(machine, judge, with_host):
    facts = replace(
        machine("healthy-linux-rtx3060-a1111"), drivers=(Driver("nvidia", "nvidia", loaded=False),)
    )
    assert not judge("driver-absent", with_host(facts, container="docker"))


def test_quiet_where_the_driver_is_not_known(machine, judge):
    assert not judge("driver-absent", replace(machine("healthy-linux-rtx3060-a1111"), drivers=()))
