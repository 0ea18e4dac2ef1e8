from __future__ import annotations

from sdops.facts.types import TorchBuild
from sdops.finding import Severity


def test_newer_is_information(machine, judge, with_python):
    facts = with_python(machine("cpu-only-server-a1111"), torch=TorchBuild("torch", "99.0.0+cpu"))
    (finding,) = judge("torch-newer-than-known", facts)
    assert finding.severity is Severity.INFO
    assert "dated" in finding.why


def test_quiet(machine, judge):
    assert not judge("torch-newer-than-known", machine("cpu-only-server-a1111"))
