from __future__ import annotations

from dataclasses import replace

import pytest

RULE = "memory-flag-missing"
NAME = "gtx1660-windows-a1111-no-flags"


def with_vram(facts, gib):
    return replace(facts, gpus=(replace(facts.gpus[0], vram_total_bytes=int(gib * 2**30)),))


@pytest.mark.parametrize(("gib", "flag"), [(2, "--lowvram"), (4, "--medvram"), (6, "--medvram")])
def test_fires(machine, judge, gib, flag):
    (finding,) = judge(RULE, with_vram(machine(NAME), gib))
    assert finding.remedies[0].add_flags == (flag,)


@pytest.mark.parametrize("gib", [8, 12, 24])
def test_quiet_on_larger_cards(machine, judge, gib):
    assert not judge(RULE, with_vram(machine(NAME), gib))


@pytest.mark.parametrize("flag", ["--medvram", "--lowvram", "--medvram-sdxl"])
def test_quiet_where_the_user_has_chosen(machine, judge, launched, flag):
    assert not judge(RULE, launched(machine(NAME), flag))


@pytest.mark.parametrize("kind", ["forge", "comfyui"])
def test_quiet_where_the_ui_manages_memory(machine, judge, kind):
    facts = machine(NAME)
    assert not judge(RULE, replace(facts, ui=replace(facts.ui, kind=kind, known_flags=())))
