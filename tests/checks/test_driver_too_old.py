from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import DeepProbe, TorchBuild
from sdops.finding import Action, Severity


@pytest.fixture
def with_driver():
    def change(facts, **changes):
        (driver,) = facts.drivers
        return replace(facts, drivers=(replace(driver, **changes),))

    return change


def test_below_the_floor(machine, judge):
    (finding,) = judge("driver-too-old", machine("rtx3070-linux-old-driver"))
    assert finding.severity is Severity.ERROR
    assert "525.60.13" in finding.why
    update, reinstall = finding.remedies
    assert update.action is Action.UPDATE_DRIVER
    assert update.commands[0].line == "sudo ubuntu-drivers install"
    assert reinstall.action is Action.REINSTALL
    assert "https://download.pytorch.org/whl/cu118" in reinstall.commands[0].argv


def test_same_major_is_information(machine, judge):
    (finding,) = judge("driver-too-old", machine("wsl2-rtx3080-comfyui"))
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize("version", ["525.60.13", "1000.1"])
def test_at_the_floor_is_no_error(machine, judge, with_driver, version):
    facts = with_driver(machine("rtx3070-linux-old-driver"), version=version)
    assert all(item.severity is Severity.INFO for item in judge("driver-too-old", facts))


def test_quiet_where_the_driver_came_out_with_this_cuda(machine, judge, with_driver):
    facts = with_driver(machine("rtx3070-linux-old-driver"), version="570.86.15")
    assert not judge("driver-too-old", facts)


def test_in_a_container_the_host_is_updated(machine, judge, with_host):
    facts = with_host(machine("rtx3070-linux-old-driver"), container="docker")
    (finding,) = judge("driver-too-old", facts)
    assert "container" in finding.remedies[0].text


def test_a_kepler_card_has_no_newer_driver(machine, judge, with_gpu, with_python):
    facts = with_gpu(
        machine("rtx3070-linux-old-driver"), name="Tesla K80", compute_capability=(3, 7)
    )
    facts = with_python(
        facts, version="3.10.12", torch=TorchBuild("torch", "2.1.2+cu121", cuda="12.1")
    )
    (finding,) = judge("driver-too-old", facts)
    assert all(remedy.action is not Action.UPDATE_DRIVER for remedy in finding.remedies)


def test_quiet_without_a_cuda_build(machine, judge):
    assert not judge("driver-too-old", machine("rtx3080-linux-rocm-torch"))


def test_the_drivers_own_word_counts(machine, judge, with_driver):
    facts = machine("rtx3070-linux-old-driver")
    assert not judge("driver-too-old", with_driver(facts, cuda="12.8"))
    works = replace(facts, deep=DeepProbe(cuda_available=True))
    assert not judge("driver-too-old", works)
