"""Flags that were measured win in the doctor's launch plan."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sdops.doctor.advise import advise
from sdops.facts.codec import facts_from_json
from sdops.facts.types import Argument
from sdops.launch import PlannedFlag, Standing

MACHINES = Path(__file__).parent.parent / "machines"


def facts_with(*flags: str):
    document = json.loads((MACHINES / "healthy-linux-rtx3060-a1111.json").read_text("utf-8"))
    facts = facts_from_json(document["facts"])
    own = tuple(Argument(flag, None, "webui-user", 1) for flag in flags)
    return replace(facts, ui=replace(facts.ui, arguments=own))


def measured(flag: str, value: str | None = None) -> PlannedFlag:
    return PlannedFlag(flag, value, "It was seen on this machine.", Standing.MEASURED)


def words(plan) -> list[str]:
    return re.findall(r"--[a-z-]+", plan.line)


def test_full_precision_makes_what_is_known_of_half_precision_needless():
    document = json.loads((MACHINES / "gtx1660-windows-a1111-no-flags.json").read_text("utf-8"))
    facts = facts_from_json(document["facts"])
    assert "--upcast-sampling" in words(advise(facts))
    plan = advise(facts, (measured("--precision", "full"), measured("--no-half")))
    assert "--precision full --no-half" in plan.line
    assert "--upcast-sampling" not in words(plan)


def test_a_measured_flag_is_added_to_the_line():
    plan = advise(facts_with("--listen"), (measured("--no-half-vae"),))
    assert measured("--no-half-vae") in plan.flags
    assert "--no-half-vae" in words(plan)
    assert "--listen" in words(plan)
    assert plan.changes


def test_a_measured_choice_takes_the_place_of_what_is_only_known():
    plain = advise(facts_with())
    assert {flag.flag for flag in plain.flags} & {"--xformers", "--opt-sdp-attention"}
    plan = advise(facts_with(), (measured("--opt-sub-quad-attention"),))
    line = words(plan)
    assert "--opt-sub-quad-attention" in line
    assert not {"--xformers", "--opt-sdp-attention"} & set(line)


@pytest.mark.parametrize("own", ["--xformers", "--opt-sdp-attention"])
def test_the_users_own_choice_goes_where_it_was_measured_to_be_wrong(own):
    plan = advise(facts_with(own, "--listen"), (measured("--opt-sub-quad-attention"),))
    assert own not in words(plan)
    assert own in {removed.flag for removed in plan.remove}
    reason = next(removed.reason for removed in plan.remove if removed.flag == own)
    assert "--opt-sub-quad-attention" in reason


def test_what_the_user_has_already_set_stays_once():
    plan = advise(facts_with("--no-half-vae"), (measured("--no-half-vae"),))
    assert words(plan).count("--no-half-vae") == 1
    assert not any(removed.flag == "--no-half-vae" for removed in plan.remove)


def test_flags_that_the_ui_does_not_take_are_left_out():
    plan = advise(facts_with(), (measured("--fp32-vae"),))
    assert "--fp32-vae" not in words(plan)


def test_what_was_measured_to_be_needed_does_not_go():
    facts = facts_with("--lowvram")
    assert "--lowvram" in {removed.flag for removed in advise(facts).remove}
    plan = advise(facts, (measured("--lowvram"),))
    assert plan.remove == ()
    assert words(plan).count("--lowvram") == 1
