from __future__ import annotations

from sdops.finding import Action, Severity


def test_fires(machine, judge):
    (finding,) = judge("driver-mismatch", machine("rtx3090-driver-mismatch-803"))
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].action is Action.REBOOT
    assert finding.remedies[0].commands[0].line == "sudo reboot"


def test_in_a_container_nothing_is_restarted_from_inside(machine, judge, with_host):
    facts = with_host(machine("rtx3090-driver-mismatch-803"), container="docker")
    (finding,) = judge("driver-mismatch", facts)
    assert "cuda-compat" in finding.remedies[0].text
    assert all(not remedy.commands for remedy in finding.remedies)


def test_quiet(machine, judge):
    assert not judge("driver-mismatch", machine("healthy-linux-rtx3060-a1111"))
    assert not judge("driver-mismatch", machine("cpu-only-server-a1111"))
