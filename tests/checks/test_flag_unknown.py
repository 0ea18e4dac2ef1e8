from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Extension, FlagDefinition
from sdops.finding import Severity

RULE = "flag-unknown"
NAME = "healthy-linux-rtx3060-a1111"
OWN = tuple(map(FlagDefinition, ("--medvram", "--port", "--no-half")))


def test_surely_unknown_stops_the_ui(machine, judge, launched):
    facts = launched(machine(NAME), "--med-vram")
    facts = replace(facts, ui=replace(facts.ui, known_flags=OWN, extensions=()))
    (finding,) = judge(RULE, facts)
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].add_flags == ("--medvram",)


def test_an_extension_may_know_it(machine, judge, launched):
    facts = launched(machine(NAME), "--dreambooth-models-path /m")
    extension = Extension("sd_dreambooth_extension", "/ui/extensions/sd_dreambooth_extension")
    facts = replace(facts, ui=replace(facts.ui, known_flags=OWN, extensions=(extension,)))
    (finding,) = judge(RULE, facts)
    assert finding.severity is Severity.WARNING
    assert "extensions may add it" in finding.why


def test_the_table_alone_is_not_sure(machine, judge, launched):
    facts = launched(machine(NAME), "--always-gpu")
    (finding,) = judge(RULE, replace(facts, ui=replace(facts.ui, known_flags=())))
    assert finding.severity is Severity.WARNING
    assert "2026" in finding.why


@pytest.mark.parametrize("argument", ["--medvram", "--medv", "--lora-dir /l", "--port 1"])
def test_quiet_on_known_flags_and_their_beginnings(machine, judge, launched, argument):
    facts = launched(machine(NAME), argument)
    assert not judge(RULE, replace(facts, ui=replace(facts.ui, known_flags=OWN)))


def test_quiet_where_unknown_flags_pass(machine, judge, launched):
    facts = launched(machine(NAME), "--nonsense")
    host = replace(facts.host, environment={"IGNORE_CMD_ARGS_ERRORS": "1"})
    assert not judge(RULE, replace(facts, host=host))
