from __future__ import annotations

from sdops.finding import Severity


def test_fires(machine, judge, with_python):
    names = tuple(f"junk{number}-1.0.dist-info" for number in range(9))
    facts = with_python(machine("healthy-linux-rtx3060-a1111"), unreadable_metadata=names)
    (finding,) = judge("broken-metadata", facts)
    assert finding.severity is Severity.INFO
    assert "3 more" in finding.why


def test_quiet(machine, judge):
    assert not judge("broken-metadata", machine("healthy-linux-rtx3060-a1111"))
