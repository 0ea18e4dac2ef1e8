from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Driver, Gpu
from sdops.finding import Severity


def on_the_bus(facts, name, version, source="sysfs"):
    driver = Driver("nvidia", "nvidia", version, loaded=True)
    card = Gpu(0, "nvidia", name, source)
    return replace(facts, gpus=(card,), drivers=(driver,), deep=None)


@pytest.mark.parametrize(
    ("name", "version", "branch"),
    [
        ("NVIDIA GeForce GTX 1080 Ti", "595.58.03", "580"),
        ("NVIDIA GeForce GTX 970", "590.44.01", "580"),
        ("NVIDIA TITAN V", "610.43.02", "580"),
        ("NVIDIA GeForce GTX 780", "535.183.01", "470"),
    ],
)
def test_fires(machine, judge, name, version, branch):
    facts = on_the_bus(machine("healthy-linux-rtx3060-a1111"), name, version)
    (finding,) = judge("driver-dropped-card", facts)
    assert finding.severity is Severity.ERROR
    assert branch in finding.remedies[0].text


@pytest.mark.parametrize(
    ("name", "version", "source"),
    [
        ("NVIDIA GeForce GTX 1080 Ti", "580.95.05", "sysfs"),
        ("NVIDIA GeForce GTX 1080 Ti", "595.58.03", "nvml"),
        ("NVIDIA GeForce RTX 3060", "610.43.02", "sysfs"),
        ("NVIDIA Card of tomorrow", "610.43.02", "sysfs"),
    ],
)
def test_quiet(machine, judge, name, version, source):
    facts = on_the_bus(machine("healthy-linux-rtx3060-a1111"), name, version, source)
    assert not judge("driver-dropped-card", facts)


def test_windows_names_no_package(machine, judge):
    facts = on_the_bus(machine("gtx1060-windows-a1111"), "NVIDIA GeForce GTX 1060", "591.44", "cim")
    (finding,) = judge("driver-dropped-card", facts)
    assert finding.remedies[0].commands == ()
