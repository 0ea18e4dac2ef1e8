"""JSON: one object, as the schema that `sdops schema` prints describes it."""

from __future__ import annotations

import json
import re
from typing import Any

from sdops.finding import Finding, Remedy, Report
from sdops.typed_json import to_json

SCHEMA = "sdops.report/1"
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What a terminal obeys, or no encoding has; JSON takes it as an escape as well."""


def render(report: Report) -> str:
    """The report as one JSON object on one line: indenting takes five times as long."""
    text = json.dumps(document(report), ensure_ascii=False, default=str)
    if not text.isascii() or "\x7f" in text:
        text = _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as plain JSON values."""
    return {
        "schema": SCHEMA,
        "command": report.command,
        "version": report.version,
        "started_at": report.started_at,
        "duration_s": round(report.duration_s, 3),
        "subject": report.subject,
        "verdict": report.verdict,
        "exit_code": int(report.exit_code),
        "findings": [finding_document(finding) for finding in report.findings],
        "skipped": dict(report.skipped),
        "crashed": dict(report.crashed),
        "faults": list(report.faults),
        "data": to_json(report.data),
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding as plain JSON values."""
    location = finding.location
    return {
        "id": finding.rule,
        "severity": finding.severity.label,
        "title": finding.title,
        "why": finding.why,
        "evidence": dict(finding.evidence),
        "location": None
        if location is None
        else {
            "path": location.path,
            "member": location.member,
            "offset": location.offset,
            "line": location.line,
        },
        "remedies": [_remedy(remedy) for remedy in finding.remedies],
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {
        "text": remedy.text,
        "action": remedy.action.value,
        "commands": [
            {"platform": command.platform.value, "argv": list(command.argv), "line": command.line}
            for command in remedy.commands
        ],
        "add_flags": list(remedy.add_flags),
        "remove_flags": list(remedy.remove_flags),
        "move_away": list(remedy.move_away),
        "automatic": remedy.automatic,
    }
