"""Text for a terminal: the worst first, what to do next to what is wrong."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from sdops.finding import Finding, Remedy, Report, Severity
from sdops.report import view
from sdops.report.blocks import Block, Code, Details, Heading, Paragraph, Table
from sdops.report.plain import guard_commands, neutralize

if TYPE_CHECKING:
    from rich.console import RenderableType

TRAILING_SPACE = re.compile(r" +$", re.MULTILINE)
"""rich fills lines up to the width, which shows when text is selected or pasted."""

_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.INFO: "bold cyan",
}

_NOUNS = {
    Severity.CRITICAL: ("critical finding", "critical findings"),
    Severity.ERROR: ("error", "errors"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFO: ("note", "notes"),
}
"""One and several, the worst first."""


def render(report: Report, *, color: bool = False, width: int = 100) -> str:
    """The report as text, `width` columns wide, with ANSI styles if `color`."""
    console = Console(
        file=io.StringIO(),
        width=max(width, 40),
        force_terminal=color,
        color_system="auto" if color else None,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for finding in sorted(report.findings, key=lambda finding: -finding.severity):
        _print_finding(console, finding)
    for block in view(report):
        _print_block(console, block)
    for rule, reason in report.crashed.items():
        _print(console, f"Check {rule} failed in sdops itself: {reason}", "yellow")
    for fault in report.faults:
        _print(console, f"Could not: {fault}", "yellow")
    _print(console, summary(report), "bold")
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return guard_commands(TRAILING_SPACE.sub("", text))


def summary(report: Report) -> str:
    """One closing sentence: how many findings of each severity, and what that means."""
    counts = [
        (sum(finding.severity is severity for finding in report.findings), nouns)
        for severity, nouns in _NOUNS.items()
    ]
    told = ", ".join(f"{count} {nouns[count > 1]}" for count, nouns in counts if count)
    if report.crashed or report.faults:
        return f"Not everything could be done. Found: {told or 'nothing'}."
    return f"Found: {told}." if told else "Nothing wrong was found."


def _print_finding(console: Console, finding: Finding) -> None:
    head = Text()
    head.append(f"{finding.severity.label.upper()}", style=_STYLES[finding.severity])
    head.append(f"  {neutralize(finding.title)}", style="bold")
    head.append(f"  [{finding.rule}]", style="dim")
    console.print(head)
    if finding.location is not None:
        place = Text(neutralize(finding.location.in_words), style="dim")
        console.print(Padding(place, (0, 0, 0, 4)), soft_wrap=True)
    if finding.why:
        console.print(Padding(Text(neutralize(finding.why)), (0, 0, 0, 4)))
    for remedy in finding.remedies:
        _print_remedy(console, remedy)
    console.print()


def _print_remedy(console: Console, remedy: Remedy) -> None:
    text = Text("→ ", style="green")
    text.append(neutralize(remedy.text), style="default")
    console.print(Padding(text, (0, 0, 0, 4)))
    for flag in remedy.add_flags:
        console.print(Text(f"        add     {neutralize(flag)}"), soft_wrap=True)
    for flag in remedy.remove_flags:
        console.print(Text(f"        remove  {neutralize(flag)}"), soft_wrap=True)
    for path in remedy.move_away:
        console.print(Text(f"        move away  {neutralize(path)}"), soft_wrap=True)
    _print_lines(console, [command.line for command in remedy.commands])
    if remedy.in_powershell:
        console.print(Text("      in PowerShell:"))
        _print_lines(console, remedy.in_powershell)


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(Text(f"        {neutralize(line)}", style="cyan"), soft_wrap=True)


def _print_block(console: Console, block: Block) -> None:
    if isinstance(block, Heading):
        console.print(Text(neutralize(block.text), style="bold underline"))
    elif isinstance(block, Paragraph):
        console.print(Padding(Text(neutralize(block.text)), (0, 0, 1, 0)))
    elif isinstance(block, Code):
        console.print(Text(neutralize(block.text), style="cyan"), soft_wrap=True)
        console.print()
    elif isinstance(block, Table):
        console.print(_table(block))
    elif isinstance(block, Details):
        return


def _table(block: Table) -> RenderableType:
    table = RichTable(show_header=bool(block.columns), box=None, pad_edge=False)
    width = max([len(block.columns), *(len(row) for row in block.rows)])
    for index in range(width):
        table.add_column(Text(block.columns[index] if index < len(block.columns) else ""))
    for row in block.rows:
        table.add_row(*(Text(neutralize(cell), overflow="fold") for cell in row))
    return Padding(table, (0, 0, 1, 0))


def _print(console: Console, text: str, style: str) -> None:
    console.print(Text(neutralize(text), style=style))
