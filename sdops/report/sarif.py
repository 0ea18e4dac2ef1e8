"""SARIF 2.1.0, as GitHub code scanning takes it.

Source: GitHub docs, "SARIF support for code scanning"; OASIS sarif-schema-2.1.0.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from sdops import rules
from sdops.finding import Finding, Report, Rule, Severity
from sdops.report.plain import one_line

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    Severity.INFO: "note",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.CRITICAL: "error",
}
# GitHub shows critical above 9.0, high from 7.0, medium from 4.0.
_SECURITY = {Severity.INFO: 2.0, Severity.WARNING: 5.0, Severity.ERROR: 8.0,
             Severity.CRITICAL: 9.5}  # fmt: skip
_MAX_RESULTS = 5000
_MAX_TEXT = 1000


def render(report: Report) -> str:
    """The report as one SARIF log."""
    findings = sorted(report.findings, key=lambda finding: -finding.severity)[:_MAX_RESULTS]
    worst: dict[str, Severity] = {}
    for finding in findings:
        worst.setdefault(finding.rule, finding.severity)
    run = {
        "tool": {
            "driver": {
                "name": "sdops",
                "semanticVersion": report.version,
                "rules": [_rule(rule, worst.get(rule.id)) for rule in _rules(report, worst)],
            }
        },
        "automationDetails": {"id": f"sdops/{report.command}/"},
        "invocations": [
            {
                "executionSuccessful": report.complete,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": _plain(text)}}
                    for text in (*report.faults, *report.crashed.values())
                ],
            }
        ],
        "results": [_result(finding) for finding in findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rules(report: Report, worst: dict[str, Severity]) -> tuple[Rule, ...]:
    """The rules that were tried, and those of the findings."""
    return rules.documented([*filter(rules.is_known, report.cases), *worst])


def _rule(rule: Rule, severity: Severity | None) -> dict[str, Any]:
    tags = list(rule.tags[:10])
    properties: dict[str, Any] = {"tags": tags, "precision": "high"}
    if "security" in tags:
        properties["security-severity"] = f"{_SECURITY[severity or Severity.WARNING]:.1f}"
    else:
        levels = {"note": "recommendation"}
        level = _LEVELS[severity or Severity.WARNING]
        properties["problem.severity"] = levels.get(level, level)
    full = " ".join(filter(None, (rule.explanation, rule.why))) or rule.title
    help_text = "\n\n".join(part for part in (full, rule.fix, rule.source) if part)
    return {
        "id": rule.id,
        "shortDescription": {"text": one_line(rule.title, _MAX_TEXT)},
        "fullDescription": {"text": one_line(full, _MAX_TEXT)},
        "help": {"text": help_text, "markdown": help_text},
        "properties": properties,
    }


def _result(finding: Finding) -> dict[str, Any]:
    location = finding.location
    path = location.path if location is not None else "."
    message = _plain(finding.title)
    # GitHub shows lines only, and a model has none: the place goes into the sentence.
    if location is not None and (location.member or location.offset is not None):
        parts = [_plain(location.member, 200)] if location.member else []
        parts += [f"byte {location.offset}"] if location.offset is not None else []
        message = f"{message.rstrip('.')} ({', '.join(parts)})."
    line = location.line if location is not None and location.line else 1
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{message} {_plain(finding.why)}".strip()},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(path)},
                    "region": {
                        "startLine": line,
                        "startColumn": 1,
                        "endLine": line,
                        "endColumn": 2,
                    },
                }
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(finding)},
        "properties": {
            "severity": finding.severity.label,
            "member": location.member if location is not None else None,
            "offset": location.offset if location is not None else None,
        },
    }


def _plain(text: str, limit: int = _MAX_TEXT) -> str:
    """`text` on one line; a reader of SARIF makes a link of `[text](target)`."""
    return one_line(text, limit).replace("](", "] (")


def _uri(path: str) -> str:
    """A relative, percent-encoded URI; paths outside the current folder keep their own form."""
    here = Path.cwd()
    pure = PurePath(path)
    if pure.is_absolute() and pure.is_relative_to(here):
        pure = pure.relative_to(here)
    return quote(pure.as_posix(), safe="/:", errors="surrogatepass")


def _fingerprint(finding: Finding) -> str:
    """Stays the same from run to run, so that GitHub recognizes a finding."""
    location = finding.location
    parts = [finding.rule, finding.title]
    if location is not None:
        parts += [PurePath(location.path).name, str(location.member), str(location.offset)]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:16]}:1"
