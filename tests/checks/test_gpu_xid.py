from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Xid
from sdops.finding import Action, Severity
from sdops.profile import load

HOUR = 3600.0


@pytest.fixture
def logged(machine):
    def change(*xids):
        return replace(machine("healthy-h100-server-comfyui"), xids=xids)

    return change


def test_memory_error_asks_for_a_reset_of_that_card(judge, logged):
    (finding,) = judge("gpu-xid", logged(Xid(48, "DBE", "0000:07:00.0", 60.0)))
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].action is Action.RESET_GPU
    assert finding.remedies[0].commands[0].line == "sudo nvidia-smi --gpu-reset -i 0000:07:00.0"


def test_repetitions_are_one_finding(judge, logged):
    facts = logged(*(Xid(31, "MMU fault", "0000:07:00.0", age) for age in (7200.0, 60.0, 300.0)))
    (finding,) = judge("gpu-xid", facts)
    assert finding.evidence["count"] == 3
    assert "3 times, last 1 minute ago" in finding.why


def test_cards_are_told_apart(judge, logged):
    facts = logged(Xid(79, "lost", "0000:01:00.0", 5.0), Xid(79, "lost", "0000:02:00.0", 5.0))
    assert len(judge("gpu-xid", facts)) == 2


def test_unknown_codes_are_information(judge, logged):
    (finding,) = judge("gpu-xid", logged(Xid(9999, "?", None, None)))
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(("age", "count"), [(23 * HOUR, 1), (25 * HOUR, 0), (None, 1)])
def test_old_errors_do_not_count(judge, logged, age, count):
    assert len(judge("gpu-xid", logged(Xid(79, "lost", "0000:07:00.0", age)))) == count


def test_a_container_cannot_reset(judge, logged, with_host):
    facts = with_host(logged(Xid(95, "uncontained", "0000:07:00.0", 5.0)), container="docker")
    (finding,) = judge("gpu-xid", facts)
    assert finding.remedies[0].commands == ()


def test_each_code_stands_in_one_row():
    codes = [code for row in load("xids")["xids"] for code in row["codes"]]
    assert len(codes) == len(set(codes))


def test_every_row_can_be_told(judge, logged):
    for row in load("xids")["xids"]:
        for finding in judge("gpu-xid", logged(Xid(row["codes"][0], "", "0000:07:00.0", 1.0))):
            assert finding.severity is Severity.of(row["severity"])
            assert finding.title.startswith("The NVIDIA driver logged that ")
