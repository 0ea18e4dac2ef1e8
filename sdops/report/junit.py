"""JUnit XML, as pytest writes it and CI systems show it: one test case for each rule or step."""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree import ElementTree as ET

from sdops.finding import Finding, Report, Severity
from sdops.report.plain import guard_commands, neutralize

# XML 1.0 forbids these, and ElementTree writes them all the same.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as one test suite; errors and worse fail a test, warnings are its output."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        by_rule[finding.rule].append(finding)
    names = dict.fromkeys([*(rule.id for rule in report.rules), *by_rule, *report.passed,
                           *report.skipped, *report.crashed])  # fmt: skip
    failed = {rule for rule in by_rule if any(_fails(item) for item in by_rule[rule])}
    errors = len(report.crashed) + len(report.faults)
    suite = ET.Element(
        "testsuite",
        name=f"sdops.{report.command}",
        timestamp=report.started_at,
        time=f"{report.duration_s:.3f}",
        tests=str(len(names) + len(report.faults)),
        failures=str(len(failed)),
        errors=str(errors),
        skipped=str(len(report.skipped)),
    )
    for name in names:
        case = ET.SubElement(suite, "testcase", classname=f"sdops.{report.command}", name=name)
        text = _clean("\n".join(_line(finding) for finding in by_rule[name]))
        if name in report.crashed:
            ET.SubElement(case, "error", message=_clean(report.crashed[name]))
        elif name in report.skipped:
            ET.SubElement(case, "skipped", message=_clean(report.skipped[name]))
        elif name in failed:
            first = next(finding for finding in by_rule[name] if _fails(finding))
            failure = ET.SubElement(case, "failure", message=_clean(first.title))
            failure.text = text
        elif text:
            ET.SubElement(case, "system-out").text = text
    for number, fault in enumerate(report.faults, 1):
        case = ET.SubElement(suite, "testcase", classname=f"sdops.{report.command}",
                             name=f"fault-{number}")  # fmt: skip
        ET.SubElement(case, "error", message=_clean(fault))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{guard_commands(text)}\n'


def _fails(finding: Finding) -> bool:
    return finding.severity >= Severity.ERROR


def _line(finding: Finding) -> str:
    location = finding.location
    where = ""
    if location is not None:
        parts = [location.path, location.member, location.offset, location.line]
        where = ", ".join(str(part) for part in parts if part is not None) + ": "
    return f"{where}{finding.severity.label}: {finding.title} {finding.why}".rstrip()


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", neutralize(text))
