"""Whatever could not be learnt, no check may fall over it."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.errors import Skip
from sdops.facts.codec import facts_from_json, to_json
from sdops.registry import checks
from tests.checks.machines import FILES, facts_of


def _thinned(value: Any, chance: random.Random, share: float) -> Any:
    """`value` with some of its fields at their default, as after a probe that failed."""
    if isinstance(value, tuple):
        return tuple(_thinned(item, chance, share) for item in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        if field.name == "schema":
            continue
        if chance.random() < share and field.default is not dataclasses.MISSING:
            changes[field.name] = field.default
        else:
            changes[field.name] = _thinned(getattr(value, field.name), chance, share)
    return dataclasses.replace(value, **changes)


@settings(max_examples=60, deadline=None)
@given(file=st.sampled_from(FILES), seed=st.integers(0, 2**32), share=st.floats(0.05, 0.9))
def test_checks_judge_what_is_left(file: Path, seed: int, share: float) -> None:
    facts = _thinned(facts_of(file), random.Random(seed), share)
    assert facts_from_json(to_json(facts)) == facts
    for check in checks():
        try:
            found = tuple(check.judge(facts))
        except Skip:
            continue
        assert all(finding.title and finding.rule == check.rule.id for finding in found)
        assert all(json.dumps(dict(finding.evidence)) for finding in found)
