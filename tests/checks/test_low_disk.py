from __future__ import annotations

import pytest

from sdops.facts.types import Disk
from sdops.finding import Severity
from sdops.knowledge.units import GIB


@pytest.fixture
def on_disks(machine, with_host):
    def change(*disks):
        return with_host(machine("healthy-linux-rtx3060-a1111"), disks=disks)

    return change


def _disk(purpose, free, total=500 * GIB):
    return Disk(f"/{purpose}", purpose, total, int(free))


@pytest.mark.parametrize(
    ("disk", "severity"),
    [
        (_disk("ui", 9.9 * GIB), Severity.WARNING),
        (_disk("venv", 0.9 * GIB), Severity.ERROR),
        (_disk("temp", 1.9 * GIB), Severity.WARNING),
        (_disk("temp", 0), Severity.WARNING),
    ],
)
def test_fires(judge, on_disks, disk, severity):
    (finding,) = judge("low-disk", on_disks(disk))
    assert finding.severity is severity


def test_folders_on_one_disk_are_one_finding(judge, on_disks):
    facts = on_disks(_disk("ui", GIB * 3), _disk("home", GIB * 3), _disk("temp", 40 * GIB))
    (finding,) = judge("low-disk", facts)
    assert "the UI, your own files" in finding.title


def test_quiet(judge, on_disks):
    assert not judge("low-disk", on_disks(_disk("ui", 10 * GIB), _disk("temp", 2 * GIB)))
    assert not judge("low-disk", on_disks())
