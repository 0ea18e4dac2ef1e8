from __future__ import annotations

from dataclasses import replace

import pytest

RULE = "flag-unsafe"
NAME = "healthy-linux-rtx3060-a1111"


@pytest.mark.parametrize("flag", ["--disable-safe-unpickle", "--disable-nan-check"])
def test_fires(machine, judge, launched, flag):
    (finding,) = judge(RULE, launched(machine(NAME), flag))
    assert finding.remedies[0].remove_flags == (flag,)


@pytest.mark.parametrize(("value", "count"), [("1", 1), ("true", 1), ("0", 0), ("", 0)])
def test_the_variable_of_pytorch(machine, judge, value, count):
    facts = machine(NAME)
    host = replace(facts.host, environment={"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": value})
    assert len(judge(RULE, replace(facts, host=host))) == count


@pytest.mark.parametrize("flag", ["--xformers", "--listen"])
def test_quiet(machine, judge, launched, flag):
    assert not judge(RULE, launched(machine(NAME), flag))
