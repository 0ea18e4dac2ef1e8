from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.finding import Severity
from sdops.knowledge.units import GIB


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"ram_total_bytes": 6 * GIB}, Severity.WARNING),
        ({"ram_total_bytes": 3 * GIB, "swap_total_bytes": 0}, Severity.ERROR),
        ({"container_memory_limit_bytes": 4 * GIB}, Severity.WARNING),
        ({"ram_available_bytes": GIB}, Severity.WARNING),
        ({"ram_total_bytes": 8 * GIB, "swap_total_bytes": 0}, Severity.INFO),
    ],
)
def test_fires(machine, judge, with_host, changes, severity):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), **changes)
    (finding,) = judge("low-memory", facts)
    assert finding.severity is severity


def test_a_container_is_told_its_limit(machine, judge, with_host):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), container_memory_limit_bytes=4 * GIB)
    assert "container" in judge("low-memory", facts)[0].title


def test_quiet(machine, judge, with_host):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge("low-memory", facts)
    assert not judge("low-memory", with_host(facts, ram_total_bytes=int(7.6 * GIB)))
    assert not judge("low-memory", with_host(facts, ram_total_bytes=None))
    assert not judge("low-memory", with_host(facts, swap_total_bytes=0))
    busy = with_host(facts, ram_available_bytes=GIB)
    assert not judge("low-memory", replace(busy, ui=replace(busy.ui, running_pid=5)))
    mac = with_host(machine("healthy-mac-m1-a1111"), swap_total_bytes=0)
    assert not judge("low-memory", mac)
