"""Every check against every captured machine: what it must find there, and what it must not.

A file in `tests/machines/` holds `description`, `source`, `facts` (as `sdops doctor --save-facts`
writes them; fields at their default may be left out), `must` (check ids that must find something)
and `must_not` (check ids that must find nothing, or `id:severity`: nothing from that severity on).
An entry `*:warning` means that no check beyond those in `must` may find anything from there on.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sdops.errors import Skip
from sdops.facts.types import Facts
from sdops.finding import Finding, Severity
from sdops.registry import Check, checks
from tests.checks.machines import FILES, document, facts_of


def _judge(check: Check, facts: Facts) -> tuple[Finding, ...]:
    try:
        return tuple(check.judge(facts))
    except Skip:
        return ()


def test_there_are_enough_machines() -> None:
    assert len(FILES) >= 25


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_is_complete(file: Path) -> None:
    content = document(file)
    assert set(content) == {"description", "source", "must", "must_not", "facts"}
    assert content["description"]
    assert content["source"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_findings(file: Path) -> None:
    content = document(file)
    facts = facts_of(file)
    findings = [finding for check in checks() for finding in _judge(check, facts)]
    fired = {finding.rule for finding in findings}
    known = {check.rule.id for check in checks()}

    missed = set(content["must"]) - fired
    assert not missed, f"did not fire: {missed}"
    for entry in content["must_not"]:
        rule, _, severity = entry.partition(":")
        assert rule == "*" or rule in known
        floor = Severity.of(severity) if severity else Severity.INFO
        unwanted = [
            f"{finding.rule} ({finding.severity.label}): {finding.title}"
            for finding in findings
            if finding.severity >= floor
            and (finding.rule == rule or (rule == "*" and finding.rule not in content["must"]))
        ]
        assert not unwanted, "\n".join(unwanted)
