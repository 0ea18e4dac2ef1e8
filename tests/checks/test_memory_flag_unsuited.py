from __future__ import annotations

import pytest

from sdops.finding import Severity

RULE = "memory-flag-unsuited"


@pytest.mark.parametrize(
    ("name", "flag", "severity"),
    [
        ("rtx5090-windows-a1111-cu121", "--medvram", Severity.INFO),
        ("healthy-linux-rtx3060-a1111", "--lowvram", Severity.INFO),
        ("healthy-linux-rtx5090-comfyui", "--novram", Severity.INFO),
        ("cpu-only-server-a1111", "--medvram", Severity.INFO),
        ("gtx1060-linux-comfyui-cu130", "--gpu-only", Severity.WARNING),
        ("rtx2060-windows-forge-a1111-flags", "--always-gpu", Severity.WARNING),
    ],
)
def test_fires(machine, judge, launched, name, flag, severity):
    (finding,) = judge(RULE, launched(machine(name), flag))
    assert finding.severity is severity
    assert finding.remedies[0].remove_flags == (flag,)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("healthy-linux-rtx3060-a1111", "--medvram"),
        ("gtx1060-windows-a1111", "--lowvram"),
        ("healthy-linux-rtx5090-comfyui", "--gpu-only"),
        ("rtx4090-linux-masked", "--novram"),
        ("healthy-windows-rtx4070-forge", "--medvram"),
    ],
)
def test_quiet(machine, judge, launched, name, flag):
    assert not judge(RULE, launched(machine(name), flag))
