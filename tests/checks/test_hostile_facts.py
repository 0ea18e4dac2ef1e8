"""No check crashes on facts that are strange: they come from broken machines, and from files."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from sdops.errors import Skip, UnreadableInputError
from sdops.facts.codec import facts_from_json
from sdops.facts.types import Facts
from sdops.finding import Finding
from sdops.registry import Check, checks

FOLDER = Path(__file__).parent.parent / "machines"
MACHINES = [
    json.loads(path.read_text(encoding="utf-8"))["facts"] for path in sorted(FOLDER.glob("*.json"))
]
TEXTS = [
    "", "0", "3", "3.", "not a version", "2.6.0a0+ecf3bae40a.nv25.01", "1!2.0.dev3+x", "cu", "+cpu",
    "\x1b[31m\r\n::error::", "[a]{b}", "../../etc", "C:\\x", "é" * 300, "999999999999999999.1",
    "Driver/library version mismatch", "gfx", "9.0a+PTX", "all", "-1", "%",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2**63, 10**30]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a JSON document that is neither object nor array."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [path]


def by_field(document: Any) -> dict[str, list[tuple[Any, ...]]]:
    """The leaves, by the dotted name of their field, so that no long list outweighs others."""
    fields: dict[str, list[tuple[Any, ...]]] = {}
    for path in leaves(document):
        name = ".".join(step for step in path if isinstance(step, str))
        fields.setdefault(name, []).append(path)
    return fields


def change(document: Any, path: tuple[Any, ...], draw: st.DrawFn) -> None:
    for step in path[:-1]:
        document = document[step]
    old = document[path[-1]]
    choices = {str: st.sampled_from(TEXTS), bool: st.booleans(), int: st.sampled_from(NUMBERS)}
    document[path[-1]] = draw(choices.get(type(old), st.none()))


@st.composite
def strange_facts(draw: st.DrawFn) -> Any:
    document = copy.deepcopy(draw(st.sampled_from(MACHINES)))
    fields = by_field(document)
    for name in draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=12)):
        change(document, draw(st.sampled_from(fields[name])), draw)
    for key in draw(st.lists(st.sampled_from(sorted(document)), max_size=1)):
        if key not in ("host", "taken_at"):
            document.pop(key, None)
    document["schema"] = "sdops.facts/1"
    return document


def judged(check: Check, facts: Facts) -> tuple[Finding, ...]:
    try:
        return tuple(check.judge(facts))
    except Skip:
        return ()


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(strange_facts())
def test_no_check_crashes(document: Any) -> None:
    try:
        facts = facts_from_json(document)
    except UnreadableInputError:
        reject()
    for check in checks():
        for finding in judged(check, facts):
            assert finding.rule == check.rule.id
            assert finding.title
            json.dumps(dict(finding.evidence))
