from __future__ import annotations

from sdops.finding import Severity


def test_fires(machine, judge, with_python):
    facts = machine("healthy-linux-rtx3060-a1111")
    folder = facts.python.site_packages[0]
    (finding,) = judge("half-uninstalled", with_python(facts, leftovers=("~orch", "~umpy")))
    assert finding.severity is Severity.WARNING
    assert finding.remedies[0].move_away == (f"{folder}/~orch", f"{folder}/~umpy")
    assert finding.remedies[0].automatic


def test_nothing_is_moved_where_the_place_is_not_certain(machine, judge, with_python):
    facts = with_python(
        machine("healthy-linux-rtx3060-a1111"), leftovers=("~orch",), site_packages=("/a", "/b")
    )
    (finding,) = judge("half-uninstalled", facts)
    assert finding.remedies[0].move_away == ()
    assert not finding.remedies[0].automatic


def test_quiet(machine, judge):
    assert not judge("half-uninstalled", machine("healthy-linux-rtx3060-a1111"))
