from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Gap, Gpu
from sdops.finding import Severity


def test_a1111_without_the_flags(machine, judge, launched):
    (finding,) = judge("no-gpu", launched(machine("cpu-only-server-a1111")))
    assert finding.severity is Severity.ERROR
    assert {"--use-cpu all", "--skip-torch-cuda-test"} <= set(finding.remedies[0].add_flags)


def test_an_integrated_gpu_does_not_help(machine, judge, launched):
    card = Gpu(0, "intel", "Intel UHD Graphics 630", "sysfs", integrated=True)
    facts = replace(launched(machine("cpu-only-server-a1111")), gpus=(card,))
    (finding,) = judge("no-gpu", facts)
    assert "UHD" in finding.why


@pytest.mark.parametrize(
    "name",
    [
        "cpu-only-server-a1111",
        "docker-without-gpus-a1111",
        "rtx4090-linux-masked",
        "rtx3090-linux-lost",
        "healthy-mac-m1-a1111",
        "healthy-linux-rtx3060-a1111",
    ],
)
def test_quiet(machine, judge, name):
    assert not judge("no-gpu", machine(name))


def test_quiet_where_nothing_could_be_seen(machine, judge, launched):
    facts = launched(machine("cpu-only-server-a1111"))
    assert not judge("no-gpu", replace(facts, gaps=(Gap("gpu.pci", "permission denied"),)))
