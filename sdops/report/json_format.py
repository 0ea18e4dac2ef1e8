"""JSON: one object, as the schema that `sdops schema` prints describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from sdops.finding import Action, Finding, Label, Location, Platform, Remedy, Report, Verdict
from sdops.typed_json import to_json

SCHEMA = "sdops.report/1"
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What a terminal obeys, or no encoding has; JSON takes it as an escape as well."""


class CommandDocument(NamedTuple):
    """One command to type."""

    platform: Platform
    argv: tuple[str, ...]
    line: str
    """Quoted for the platform's usual shell."""


class RemedyDocument(NamedTuple):
    """One way to fix a finding."""

    text: str
    action: Action
    commands: tuple[CommandDocument, ...]
    add_flags: tuple[str, ...]
    remove_flags: tuple[str, ...]
    move_away: tuple[str, ...]
    """Paths of files and folders that must go."""
    automatic: bool
    """Whether `sdops doctor --fix` can carry it out."""


class FindingDocument(NamedTuple):
    """One thing that is wrong, or worth knowing."""

    id: str
    """The id of the rule: `sdops rules ID` explains it."""
    severity: Label
    title: str
    why: str
    evidence: Mapping[str, Any]
    location: Location | None
    remedies: tuple[RemedyDocument, ...]


class ReportDocument(NamedTuple):
    """What every sdops command prints with --format json."""

    schema: Literal["sdops.report/1"]
    command: str
    version: str
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float
    subject: str
    verdict: Verdict
    exit_code: int
    findings: tuple[FindingDocument, ...]
    skipped: Mapping[str, str]
    """Rule id to the reason why it did not apply."""
    crashed: Mapping[str, str]
    """Rule id to the fault that stopped it."""
    faults: tuple[str, ...]
    """What the command could not do, one sentence each."""
    data: Any
    """The command's own answer."""


def render(report: Report) -> str:
    """The report as one JSON object on one line: indenting takes five times as long."""
    text = json.dumps(to_json(document(report)), ensure_ascii=False)
    if not text.isascii() or "\x7f" in text:
        text = _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text + "\n"


def document(report: Report) -> ReportDocument:
    """The report as it stands in JSON."""
    return ReportDocument(
        schema="sdops.report/1",
        command=report.command,
        version=report.version,
        started_at=report.started_at,
        duration_s=round(report.duration_s, 3),
        subject=report.subject,
        verdict=report.verdict,
        exit_code=int(report.exit_code),
        findings=tuple(map(_finding, report.findings)),
        skipped=report.skipped,
        crashed=report.crashed,
        faults=report.faults,
        data=report.data,
    )


def _finding(finding: Finding) -> FindingDocument:
    return FindingDocument(
        id=finding.rule,
        severity=finding.severity.label,
        title=finding.title,
        why=finding.why,
        evidence=finding.evidence,
        location=finding.location,
        remedies=tuple(map(_remedy, finding.remedies)),
    )


def _remedy(remedy: Remedy) -> RemedyDocument:
    return RemedyDocument(
        text=remedy.text,
        action=remedy.action,
        commands=tuple(
            CommandDocument(command.platform, command.argv, command.line)
            for command in remedy.commands
        ),
        add_flags=remedy.add_flags,
        remove_flags=remedy.remove_flags,
        move_away=remedy.move_away,
        automatic=remedy.automatic,
    )
