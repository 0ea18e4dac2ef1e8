from __future__ import annotations

import dataclasses

import pytest

from sdops.finding import Action, Severity


def with_fault(facts, fault, **changes):
    drivers = tuple(dataclasses.replace(driver, fault=fault, **changes) for driver in facts.drivers)
    return dataclasses.replace(facts, drivers=drivers)


def test_an_error_without_a_name_is_told_with_its_words(machine, judge):
    facts = with_fault(machine("healthy-linux-rtx3060-a1111"), "Unknown Error")
    (finding,) = judge("driver-faulty", facts)
    assert finding.severity is Severity.ERROR
    assert "Unknown Error" in finding.why
    assert [remedy.action for remedy in finding.remedies] == [Action.REBOOT, Action.UPDATE_DRIVER]
    assert finding.remedies[0].commands


@pytest.mark.parametrize(
    ("fault", "loaded"),
    [("Driver/library version mismatch", True), ("Driver Not Loaded", False), (None, True)],
)
def test_what_other_checks_tell_is_left_to_them(machine, judge, fault, loaded):
    facts = with_fault(machine("healthy-linux-rtx3060-a1111"), fault, loaded=loaded)
    assert not judge("driver-faulty", facts)


def test_quiet_without_a_driver(machine, judge):
    assert not judge("driver-faulty", machine("cpu-only-server-a1111"))
