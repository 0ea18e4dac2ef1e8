from __future__ import annotations

import pytest

RULE = "full-precision-alone"


def test_a_capable_card_drops_it(machine, judge, launched):
    facts = launched(machine("healthy-linux-rtx3060-a1111"), "--precision full")
    (finding,) = judge(RULE, facts)
    assert finding.remedies[0].remove_flags == ("--precision",)


def test_a_card_that_needs_it_gets_the_other_half(machine, judge, launched):
    facts = launched(machine("gtx1660-windows-a1111-no-flags"), "--precision full")
    (finding,) = judge(RULE, facts)
    assert finding.remedies[0].add_flags == ("--no-half",)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("healthy-linux-rtx3060-a1111", ("--precision full", "--no-half")),
        ("healthy-linux-rtx3060-a1111", ("--precision autocast",)),
        ("healthy-windows-rtx4070-forge", ("--precision full",)),
        ("healthy-linux-rtx5090-comfyui", ("--precision full",)),
    ],
)
def test_quiet(machine, judge, launched, name, arguments):
    assert not judge(RULE, launched(machine(name), *arguments))
