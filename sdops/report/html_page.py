"""One HTML page for a browser or a printer: a single file, no script, nothing loaded from anywhere.

The policy in its head lets no script run and nothing be fetched, whatever text from outside says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from html import escape

from sdops import rules
from sdops.finding import Finding, Remedy, Report, Rule
from sdops.report import view
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table
from sdops.report.plain import guard_commands, neutralize

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #fff; --line: #d2d2d7; --soft: #f5f5f7;
  --info: #0a6ebd; --warning: #946200; --error: #c4320a; --critical: #a1006b; --pass: #1d7a3a; }
@media (prefers-color-scheme: dark) { :root { --ink: #f0f0f2; --paper: #161618; --line: #3a3a3f;
  --soft: #232327; --info: #6cb8f5; --warning: #e5b454; --error: #ff8a66; --critical: #ff7ac8;
  --pass: #6fcf8b; } }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; } h3 { margin: 0; }
p, td, th, li { white-space: pre-wrap; } p { margin: .4rem 0; }
.about, .where { color: color-mix(in srgb, var(--ink) 65%, transparent); font-size: .9rem; }
article { border: 1px solid var(--line); border-left: .4rem solid var(--severity);
  border-radius: .4rem; padding: .8rem 1rem; margin: 1rem 0; break-inside: avoid; }
.severity { color: var(--severity); font-weight: 600; }
.info { --severity: var(--info); } .warning { --severity: var(--warning); }
.error { --severity: var(--error); } .critical { --severity: var(--critical); }
.pass { --severity: var(--pass); } .fail { --severity: var(--error); }
.incomplete { --severity: var(--warning); }
pre, code { background: var(--soft); font: .9rem/1.4 ui-monospace, monospace; }
pre { padding: .6rem; overflow-x: auto; white-space: pre-wrap; border-radius: .3rem; }
code { padding: .1rem .25rem; border-radius: .2rem; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; text-align: left;
  vertical-align: top; }
details { margin: .5rem 0; }
@media print { body { margin: 0; max-width: none; } a { color: inherit; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(report: Report) -> str:
    """The report as one page."""
    title = f"sdops {report.command}: {report.verdict}"
    return guard_commands(
        "\n".join(
            (
                "<!DOCTYPE html>",
                '<html lang="en">',
                "<head>",
                '<meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="referrer" content="no-referrer">',
                _tag("title", title),
                f"<style>{_STYLE}</style>",
                "</head>",
                "<body>",
                *_body(report),
                "</body>",
                "</html>",
                "",
            )
        )
    )


def _body(report: Report) -> Iterator[str]:
    verdict = _tag("span", report.verdict, f"severity {report.verdict}")
    yield f"<h1>sdops {_text(report.command)}: {verdict}</h1>"
    yield _tag("p", f"{report.subject} · sdops {report.version} · {report.started_at}", "about")
    for finding in sorted(report.findings, key=lambda finding: -finding.severity):
        yield from _finding(finding)
    if not report.findings:
        yield _tag("p", "Nothing wrong was found.")
    for fault in report.faults:
        yield _tag("p", f"Could not: {fault}", "severity warning")
    for block in view(report):
        yield from _block(block)
    yield from _reasons("Checks that did not apply", report.skipped.items())
    yield from _reasons("Checks that failed in sdops itself", report.crashed.items())


def _finding(finding: Finding) -> Iterator[str]:
    severity = finding.severity.label
    yield f'<article class="{severity}">'
    label = _tag("span", severity, "severity")
    yield f"<h3>{label} {_text(finding.title)} {_tag('code', finding.rule)}</h3>"
    if finding.location is not None:
        yield _tag("p", finding.location.in_words, "where")
    if finding.why:
        yield _tag("p", finding.why)
    for remedy in finding.remedies:
        yield from _remedy(remedy)
    if finding.evidence:
        evidence = json.dumps(finding.evidence, indent=2, default=str)
        yield from _details("Evidence", [_code(evidence)])
    (rule,) = rules.documented((finding.rule,))
    yield from _documentation(rule)
    yield "</article>"


def _documentation(rule: Rule) -> Iterator[str]:
    texts = (rule.explanation, rule.why, rule.fix and f"Fix: {rule.fix}",
             rule.source and f"Source: {rule.source}")  # fmt: skip
    told = [_tag("p", text) for text in texts if text]
    if told:
        yield from _details("About this rule", told)


def _remedy(remedy: Remedy) -> Iterator[str]:
    yield _tag("p", f"→ {remedy.text}")
    changes = [f"add {_tag('code', flag)}" for flag in remedy.add_flags]
    changes += [f"remove {_tag('code', flag)}" for flag in remedy.remove_flags]
    changes += [f"move away {_tag('code', path)}" for path in remedy.move_away]
    if changes:
        yield f"<p>{', '.join(changes)}</p>"
    if remedy.commands:
        yield _code("\n".join(command.line for command in remedy.commands))
    if remedy.in_powershell:
        yield _tag("p", "In PowerShell:")
        yield _code("\n".join(remedy.in_powershell))


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield _tag("h2", block.text)
    elif isinstance(block, Paragraph):
        yield _tag("p", block.text)
    elif isinstance(block, Code):
        yield _code(block.text)
    elif isinstance(block, Table):
        yield "<table>"
        if any(block.columns):
            yield _row("th", block.columns)
        yield from (_row("td", row) for row in block.rows)
        yield "</table>"
    else:
        inner = (line for item in block.blocks for line in _block(item))
        yield from _details(block.summary, inner)


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(_tag(tag, cell) for cell in cells)}</tr>"


def _reasons(summary: str, reasons: Iterable[tuple[str, str]]) -> Iterator[str]:
    rows = [_row("td", pair) for pair in reasons]
    if rows:
        yield from _details(summary, ["<table>", *rows, "</table>"])


def _details(summary: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"<details>{_tag('summary', summary)}"
    yield from lines
    yield "</details>"


def _code(text: str) -> str:
    return f"<pre>{escape(neutralize(text, len(text)))}</pre>"


def _tag(name: str, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<{name}{attribute}>{_text(text)}</{name}>"


def _text(text: str) -> str:
    return escape(neutralize(text))
