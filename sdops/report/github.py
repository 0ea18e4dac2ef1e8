"""Annotations for a GitHub Actions run, and a summary for its page.

Source: GitHub docs, workflow-commands.md; the runner obeys every line of stdout that starts with
`::`, so text from outside is escaped and never starts a line.
"""

from __future__ import annotations

from collections.abc import Iterator

from sdops.finding import Finding, Report, Severity
from sdops.report.plain import one_line

_COMMANDS = {
    Severity.INFO: "notice",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.CRITICAL: "error",
}
_MAX_TEXT = 1000


def render(report: Report) -> str:
    """One workflow command for each finding and fault, the worst first."""
    findings = sorted(report.findings, key=lambda finding: -finding.severity)
    lines = [_annotation(finding) for finding in findings]
    lines += [f"::error title=sdops {report.command}::{_data(fault)}" for fault in _faults(report)]
    lines.append(f"  sdops {report.command}: {report.verdict}, {len(findings)} findings")
    return "\n".join(lines) + "\n"


def _faults(report: Report) -> Iterator[str]:
    yield from report.faults
    for rule, reason in report.crashed.items():
        yield f"Check {rule} failed in sdops itself: {reason}"


def _annotation(finding: Finding) -> str:
    properties = []
    location = finding.location
    place = ""
    if location is not None:
        properties.append(f"file={_property(location.path)}")
        if location.line is not None:
            properties.append(f"line={location.line}")
        spots = [location.member] if location.member else []
        spots += [f"byte {location.offset}"] if location.offset is not None else []
        place = f" ({', '.join(spots)})" if spots else ""
    properties.append(f"title={_property(finding.rule)}")
    text = f"{finding.title}{place} {finding.why}".rstrip()
    return f"::{_COMMANDS[finding.severity]} {','.join(properties)}::{_data(text)}"


def _data(text: str) -> str:
    text = one_line(text, _MAX_TEXT)
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
