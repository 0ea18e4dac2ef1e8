"""Markdown to paste into an issue: the findings in full, the evidence folded away."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

from sdops.finding import Finding, Remedy, Report
from sdops.report import view
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table
from sdops.report.plain import guard_commands, neutralize, one_line

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#!~$])")
_AT_START = re.compile(r"^(\d+)([.)])|^([-+=])")
_TRIGGERS = re.compile(r"@|#(?=\d)|:(?=[A-Za-z0-9_+-]+:)")
"""What GitHub makes mentions, references and emoji of, even where Markdown has it escaped."""
_JOINER = "\N{WORD JOINER}"


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
    """`text` on one line, with everything that Markdown, HTML or GitHub would interpret escaped."""
    text = _TRIGGERS.sub(rf"\g<0>{_JOINER}", one_line(text))
    text = _SPECIAL.sub(r"\\\1", text.replace("&", "&amp;"))
    return _AT_START.sub(r"\1\\\2\3" if text[:1].isdigit() else r"\\\3", text)


def code(text: str) -> str:
    """`text` as a code span that nothing inside it can close."""
    text = one_line(text, len(text))
    fence = "`" * (_longest_run(text) + 1)
    padding = " " if text[:1] in ("", "`", " ") or text[-1:] in ("`", " ") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def code_block(text: str) -> list[str]:
    """`text` in a fence that nothing inside it can close."""
    text = neutralize(text, limit=len(text))
    fence = "`" * max(3, _longest_run(text) + 1)
    return [fence, text, fence, ""]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _finding(finding: Finding) -> Iterator[str]:
    yield f"### {finding.severity.label}: {escape(finding.title)} ({code(finding.rule)})"
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
    changes = [f"add {code(flag)}" for flag in remedy.add_flags]
    changes += [f"remove {code(flag)}" for flag in remedy.remove_flags]
    changes += [f"move away {code(path)}" for path in remedy.move_away]
    if changes:
        yield f"  ({', '.join(changes)})"
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
    rows = [map(escape, columns), ("---",) * width, *(map(escape, row) for row in block.rows)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [*lines, ""]


def _folded_mapping(summary: str, mapping: object) -> Iterator[str]:
    if isinstance(mapping, dict) and mapping:
        lines = [f"- {code(key)}: {escape(str(value))}" for key, value in mapping.items()]
        yield from _details(summary, [*lines, ""])


def _details(summary: str, lines: list[str]) -> Iterator[str]:
    yield f"<details><summary>{_in_html(summary)}</summary>"
    yield ""
    yield from lines
    yield "</details>"
    yield ""


def _in_html(text: str) -> str:
    return html.escape(_TRIGGERS.sub(rf"\g<0>{_JOINER}", one_line(text)))
