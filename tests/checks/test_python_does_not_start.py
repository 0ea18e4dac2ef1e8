from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import DeepProbe, Gap
from sdops.finding import Severity


def test_fires(machine, judge):
    facts = machine("healthy-linux-rtx3060-a1111")
    gap = Gap("deep", "/home/user/venv/bin/python does not start: No such file")
    (finding,) = judge(
        "python-does-not-start", replace(facts, deep=DeepProbe(), gaps=(*facts.gaps, gap))
    )
    assert finding.severity is Severity.ERROR
    assert "No such file" in finding.why


def test_quiet(machine, judge):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge("python-does-not-start", facts)
    part = Gap("deep.devices", "TimeoutError")
    assert not judge("python-does-not-start", replace(facts, deep=DeepProbe(), gaps=(part,)))
