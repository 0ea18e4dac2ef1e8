from __future__ import annotations

from sdops.finding import Severity


def test_fires(machine, judge, with_python):
    facts = with_python(machine("gtx1060-windows-a1111"), bits=32)
    (finding,) = judge("python-32-bit", facts)
    assert finding.severity is Severity.ERROR


def test_quiet(machine, judge, with_python):
    assert not judge("python-32-bit", machine("gtx1060-windows-a1111"))
    assert not judge("python-32-bit", with_python(machine("gtx1060-windows-a1111"), bits=None))
