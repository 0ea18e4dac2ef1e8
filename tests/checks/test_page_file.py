from __future__ import annotations

import pytest

from sdops.finding import Severity
from sdops.knowledge.units import GIB


@pytest.mark.parametrize(
    ("ram", "page_file", "severity"),
    [
        (16, 0, Severity.WARNING),
        (8, 0, Severity.WARNING),
        (8, 8, Severity.INFO),
        (16, 2, Severity.INFO),
        (16, 16, None),
        (8, 16, None),
        (32, 0, None),
        (64, 8, None),
    ],
)
def test_ram_and_page_file_together(machine, judge, with_host, ram, page_file, severity):
    facts = with_host(
        machine("healthy-windows-rtx4070-forge"),
        ram_total_bytes=ram * GIB,
        swap_total_bytes=page_file * GIB,
    )
    findings = judge("page-file", facts)
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_only_windows(machine, judge, with_host):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), swap_total_bytes=0)
    assert not judge("page-file", facts)
