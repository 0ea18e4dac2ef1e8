from __future__ import annotations

from dataclasses import replace

import pytest

RULE = "xformers-flag-dropped"


@pytest.mark.parametrize(
    ("name", "add"),
    [
        ("rtx5090-windows-a1111-cu121", ("--opt-sdp-attention",)),
        ("rx580-linux-a1111-rocm", ("--opt-sub-quad-attention",)),
        ("healthy-mac-m1-a1111", ()),
        ("cpu-only-server-a1111", ()),
    ],
)
def test_fires(machine, judge, launched, name, add):
    (finding,) = judge(RULE, launched(machine(name), "--xformers"))
    assert finding.remedies[0].remove_flags == ("--xformers",)
    assert finding.remedies[0].add_flags == add


def test_old_cards(machine, judge, launched):
    facts = launched(machine("gtx1060-windows-a1111"), "--xformers")
    card = replace(facts.gpus[0], name="NVIDIA GeForce GTX 970", compute_capability=(5, 2))
    assert len(judge(RULE, replace(facts, gpus=(card,)))) == 1


@pytest.mark.parametrize(
    "name",
    ["healthy-linux-rtx3060-a1111", "gtx1060-windows-a1111", "docker-without-gpus-a1111",
     "rtx3080-windows-xformers-mismatch"],
)  # fmt: skip
def test_quiet(machine, judge, launched, name):
    assert not judge(RULE, launched(machine(name), "--xformers"))
