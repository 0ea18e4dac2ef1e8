from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.errors import Skip
from sdops.finding import Severity
from sdops.registry import checks


def test_fires(machine, judge, with_python):
    facts = with_python(machine("healthy-linux-rtx3060-a1111"), base_exists=False)
    (finding,) = judge("environment-base-gone", facts)
    assert finding.severity is Severity.ERROR
    assert finding.remedies[1].commands[0].argv[:3] == ("python3.10", "-m", "venv")
    assert finding.remedies[1].move_away == (facts.python.root,)


@pytest.mark.parametrize("rule", ["torch-missing", "python-unsuitable", "known-bad-packages"])
def test_nothing_else_is_said_of_the_environment(machine, with_python, rule):
    facts = with_python(
        machine("healthy-linux-rtx3060-a1111"), base_exists=False, torch=None, version="3.12.0"
    )
    (check,) = [check for check in checks() if check.rule.id == rule]
    with pytest.raises(Skip, match="gone"):
        list(check.judge(facts))


def test_quiet(machine, judge):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge("environment-base-gone", facts)
    assert not judge("environment-base-gone", replace(facts, python=None))
