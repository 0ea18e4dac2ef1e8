"""The table's own tests, and what must hold for the table as a whole."""

from __future__ import annotations

import re
from functools import cache

import pytest

from sdops.explain.remedies import ALWAYS
from sdops.knowledge.signatures import explains, signatures
from tests.explain.reading import causes, everything

TABLE = {item.id: item for item in signatures()}
HITS = [(item.id, at) for item in signatures() for at in range(len(item.hit))]
MISSES = [(item.id, at) for item in signatures() for at in range(len(item.miss))]


@pytest.mark.parametrize(("name", "at"), HITS)
def test_a_class_is_named_on_top_of_its_log(name, at):
    item = TABLE[name]
    if item.severity == "harmless":
        assert name in everything(item.hit[at])
        assert causes(item.hit[at]) == []
    else:
        assert causes(item.hit[at])[:1] == [name]


@pytest.mark.parametrize(("name", "at"), MISSES)
def test_a_class_is_not_named_where_something_only_looks_like_it(name, at):
    assert name not in everything(TABLE[name].miss[at])


@pytest.mark.parametrize("name", TABLE)
def test_every_class_is_whole(name):
    item = TABLE[name]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert item.severity in ("error", "warning", "harmless")
    assert item.hit
    assert item.miss
    assert item.cause.endswith((".", "…"))
    assert set(item.explains) <= set(TABLE), "explains something that does not exist"
    assert name not in item.explains
    captured = [
        {match for part in group for match in part.pattern.groupindex} for group in item.any
    ]
    texts = [item.cause, item.remedy, item.avoid, *(row.run for row in item.commands)]
    for reason in item.reasons:
        texts += [reason.cause, reason.remedy, *(row.run for row in reason.commands)]
    wanted = {field for text in texts for field in re.findall(r"\{(\w+)\}", text)} - ALWAYS
    assert all(wanted <= names for names in captured), "a placeholder is not captured"


def test_ids_are_unique():
    names = [item.id for item in signatures()]
    assert sorted(names) == sorted(set(names))


def test_no_two_classes_explain_each_other():
    loops = [(one, other) for one in TABLE for other in TABLE[one].explains if explains(other, one)]
    assert loops == []


@cache
def _tops() -> dict[str, list[str]]:
    return {f"{name}/{at}": causes(TABLE[name].hit[at]) for name, at in HITS}


def test_no_log_of_one_class_has_two_causes():
    assert {where: found for where, found in _tops().items() if len(found) > 1} == {}
