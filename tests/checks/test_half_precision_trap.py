from __future__ import annotations

from dataclasses import replace

import pytest

RULE = "half-precision-trap"
GTX_1660 = "gtx1660-windows-a1111-no-flags"


@pytest.mark.parametrize(
    ("name", "arguments", "missing"),
    [
        (GTX_1660, (), ("--upcast-sampling", "--no-half-vae")),
        (GTX_1660, ("--medvram", "--no-half-vae"), ("--upcast-sampling",)),
        ("rx580-linux-a1111-rocm", (), ("--precision full", "--no-half")),
        ("rx580-linux-a1111-rocm", ("--precision autocast", "--no-half"), ("--precision full",)),
    ],
)
def test_missing_flags(machine, judge, launched, name, arguments, missing):
    (finding,) = judge(RULE, launched(machine(name), *arguments))
    assert finding.remedies[0].add_flags == missing


def test_forced_half_precision(machine, judge, launched):
    facts = launched(machine(GTX_1660), "--force-fp16")
    facts = replace(facts, ui=replace(facts.ui, kind="comfyui", known_flags=()))
    (finding,) = judge(RULE, facts)
    assert finding.remedies[0].remove_flags == ("--force-fp16",)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (GTX_1660, ("--precision full", "--no-half")),
        (GTX_1660, ("--upcast-sampling", "--no-half-vae")),
        ("healthy-linux-rtx3060-a1111", ()),
        ("gtx1060-windows-a1111", ()),
        ("cpu-only-server-a1111", ()),
    ],
)
def test_quiet(machine, judge, launched, name, arguments):
    assert not judge(RULE, launched(machine(name), *arguments))


@pytest.mark.parametrize("kind", ["forge", "comfyui", "reforge"])
def test_uis_that_know_the_card_need_nothing(machine, judge, kind):
    facts = machine(GTX_1660)
    ui = replace(facts.ui, kind=kind, known_flags=())
    assert not judge(RULE, replace(facts, ui=ui))
