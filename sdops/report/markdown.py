"""Markdown to paste into an issue: the findings in full, the evidence folded away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from sdops.finding import Finding, Remedy, Report
from sdops.report import view
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table
from sdops.report.plain import guard_commands, neutralize, one_line

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#@!~])")


def render(report: Report) -> str:
    """The report as GitHub-flavored Markdown."""
    lines = [f"## sdops {report.command}: {report.verdict}", ""]
    lines += [f"{escape(report.subject)} · sdops {report.version} · {report.started_at}", ""]
    for finding in sorted(report.findings, key=lambda finding: -finding.severity):
        lines += _finding(finding)
    if not report.findings:
        lines += ["Nothing wrong was found.", ""]
    for block in view(report):
        lines += _block(block)
    lines += _folded_mapping("Checks that did not apply", report.skipped)
    lines += _folded_mapping("Checks that failed in sdops itself", report.crashed)
    lines += [f"- Could not: {escape(fault)}" for fault in report.faults]
    return guard_commands("\n".join(lines).rstrip() + "\n")


def escape(text: str) -> str:
    """`text` on one line, with everything that Markdown or HTML would interpret escaped."""
    return _SPECIAL.sub(r"\\\1", one_line(text)).replace("&", "&amp;")


def code_block(text: str) -> list[str]:
    """`text` in a fence that nothing inside it can close."""
    text = neutralize(text, limit=len(text))
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, text, fence, ""]


def _finding(finding: Finding) -> Iterator[str]:
    yield f"### {finding.severity.label}: {escape(finding.title)} (`{finding.rule}`)"
    yield ""
    if finding.location is not None:
        yield escape(finding.location.in_words)
        yield ""
    if finding.why:
        yield escape(finding.why)
        yield ""
    for remedy in finding.remedies:
        yield from _remedy(remedy)
    if finding.evidence:
        yield from _details("Evidence", code_block(json.dumps(finding.evidence, indent=2)))


def _remedy(remedy: Remedy) -> Iterator[str]:
    yield f"- {escape(remedy.text)}"
    changes = [f"add `{flag}`" for flag in remedy.add_flags]
    changes += [f"remove `{flag}`" for flag in remedy.remove_flags]
    changes += [f"move away `{path}`" for path in remedy.move_away]
    if changes:
        yield f"  ({one_line(', '.join(changes))})"
    yield ""
    if remedy.commands:
        yield from code_block("\n".join(command.line for command in remedy.commands))
    if remedy.in_powershell:
        yield "In PowerShell:"
        yield ""
        yield from code_block("\n".join(remedy.in_powershell))


def _block(block: Block) -> list[str]:
    if isinstance(block, Heading):
        return [f"### {escape(block.text)}", ""]
    if isinstance(block, Paragraph):
        return [escape(block.text), ""]
    if isinstance(block, Code):
        return code_block(block.text)
    if isinstance(block, Table):
        return _table(block)
    inner = [line for item in block.blocks for line in _block(item)]
    return list(_details(block.summary, inner))


def _table(block: Table) -> list[str]:
    width = max([len(block.columns), *(len(row) for row in block.rows)])
    columns = block.columns or ("",) * width
    rows = [columns, ("---",) * width]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in block.rows]
    return [*lines, ""]


def _folded_mapping(summary: str, mapping: object) -> Iterator[str]:
    if isinstance(mapping, dict) and mapping:
        lines = [f"- `{key}`: {escape(str(value))}" for key, value in mapping.items()]
        yield from _details(summary, [*lines, ""])


def _details(summary: str, lines: list[str]) -> Iterator[str]:
    yield f"<details><summary>{escape(summary)}</summary>"
    yield ""
    yield from lines
    yield "</details>"
    yield ""
