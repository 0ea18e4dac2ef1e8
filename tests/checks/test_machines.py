"""Every check against every captured machine: what it must find there, and what it must not.

A file in `tests/machines/` holds `description`, `source`, `facts` (as `sdops doctor --save-facts`
writes them; fields at their default may be left out), `must` (check ids that must find something)
and `must_not` (check ids that must find nothing). An entry `*:warning` of `must_not` means that no
check beyond those in `must` may find anything at that severity or above.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sdops.errors import Skip
from sdops.facts.codec import facts_from_json
from sdops.facts.types import Facts
from sdops.finding import Finding, Severity
from sdops.registry import Check, checks

FOLDER = Path(__file__).parent.parent / "machines"
FILES = sorted(FOLDER.glob("*.json"))


def _judge(check: Check, facts: Facts) -> tuple[Finding, ...]:
    try:
        return tuple(check.judge(facts))
    except Skip:
        return ()


def _read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def test_there_are_enough_machines() -> None:
    assert len(FILES) >= 25


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_is_complete(file: Path) -> None:
    document = _read(file)
    assert set(document) == {"description", "source", "must", "must_not", "facts"}
    assert document["description"]
    assert document["source"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_findings(file: Path) -> None:
    document = _read(file)
    known = {check.rule.id for check in checks()}
    facts = facts_from_json(document["facts"])
    findings = [finding for check in checks() for finding in _judge(check, facts)]
    fired = {finding.rule for finding in findings}

    missed = {rule for rule in document["must"] if rule in known} - fired
    assert not missed, f"did not fire: {missed}"
    for entry in document["must_not"]:
        rule, _, severity = entry.partition(":")
        floor = Severity.of(severity) if severity else Severity.INFO
        unwanted = [
            f"{finding.rule} ({finding.severity.label}): {finding.title}"
            for finding in findings
            if finding.severity >= floor
            and (finding.rule == rule or (rule == "*" and finding.rule not in document["must"]))
        ]
        assert not unwanted, "\n".join(unwanted)
