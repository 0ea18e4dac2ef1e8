"""JUnit XML for CI systems: one test case for each file, check or step that was looked at.

It keeps to the strictest schema in use, that of Ant's JUnit task (windyroad/JUnit-Schema
JUnit.xsd), which Jenkins's own (jenkinsci/xunit-plugin junit-10.xsd) contains: one result a case,
no zone in the timestamp, and output for the suite as a whole.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from sdops.finding import Finding, Report, Severity
from sdops.report.plain import guard_commands, neutralize, one_line

# XML 1.0 forbids these, and ElementTree writes them all the same.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as one test suite; errors and worse fail a case, the rest is the suite's output.

    What could not be done is an error: of the case it names, or of one of its own.
    """
    findings: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        findings[_case_of(finding, report.cases)].append(finding)
    errors: dict[str, list[str]] = defaultdict(list)
    for name, reason in report.crashed.items():
        errors[name].append(reason)
    for fault in report.faults:
        errors[_named_by(fault, report.cases)].append(fault)
    names = dict.fromkeys((*report.cases, *findings, *report.skipped, *errors))
    suite = ET.Element("testsuite")
    ET.SubElement(suite, "properties")
    counts = {"failure": 0, "error": 0, "skipped": 0, "": 0}
    for name in names:
        case = ET.SubElement(suite, "testcase", name=_token(name),
                             classname=f"sdops.{report.command}", time="0")  # fmt: skip
        counts[_result(case, findings[name], errors[name], report.skipped.get(name))] += 1
    told = [_line(item) for item in report.findings if not _fails(item)]
    ET.SubElement(suite, "system-out").text = _clean("\n".join(told))
    ET.SubElement(suite, "system-err")
    attributes = {
        "name": f"sdops.{report.command}",
        "package": "sdops",
        "id": "0",
        "hostname": "localhost",
        "timestamp": report.started_at[:19],
        "time": f"{report.duration_s:.3f}",
        "tests": str(len(names)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
    }
    for name, value in attributes.items():
        suite.set(name, value)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{guard_commands(text)}\n'


def _result(
    case: ET.Element, findings: list[Finding], errors: list[str], skipped: str | None
) -> str:
    """Adds the one result that a case may have, the worst; its tag, or "" where it passed."""
    failures = [finding for finding in findings if _fails(finding)]
    if failures:
        first = failures[0]
        tag, kind, message = "failure", first.rule, first.title
    elif errors:
        tag, kind, message = "error", "incomplete", errors[0]
    elif skipped is not None and not findings:
        ET.SubElement(case, "skipped", message=_clean(skipped))
        return "skipped"
    else:
        return ""
    lines = [*map(_line, findings), *errors]
    ET.SubElement(case, tag, type=_clean(kind), message=_clean(message)).text = _clean(
        "\n".join(lines)
    )
    return tag


def _case_of(finding: Finding, cases: Iterable[str]) -> str:
    """The file, check or step that a finding is about; its rule, where it is none of them."""
    known = frozenset(cases)
    path = finding.location.path if finding.location is not None else None
    step = finding.evidence.get("step") or finding.evidence.get("run")
    return next((name for name in (path, finding.rule, step) if name in known), None) or (
        finding.rule
    )


def _named_by(fault: str, cases: Iterable[str]) -> str:
    """The case that a sentence about what could not be done begins with, or a name for it."""
    return max((name for name in cases if name and fault.startswith(name)), key=len, default=fault)


def _fails(finding: Finding) -> bool:
    return finding.severity >= Severity.ERROR


def _line(finding: Finding) -> str:
    where = "" if finding.location is None else f"{finding.location.in_words}: "
    return f"{where}{finding.severity.label}: {finding.title} {finding.why}".rstrip()


def _token(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", one_line(text)) or "-"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", neutralize(text))
