"""Text for a terminal of any width: the worst first, what to do next to what is wrong.

Lines are wrapped between words alone. A path, flag or hash that is longer than a line stays whole,
so that the terminal wraps it and it can be copied in one piece; so does every command.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sdops.finding import Finding, Remedy, Report, Severity
from sdops.report import view
from sdops.report.blocks import Block, Code, Details, Heading, Paragraph, Table
from sdops.report.plain import guard_commands, neutralize

_TRAILING_SPACE = re.compile(r" +$", re.MULTILINE)
_NARROWEST = 20
"""Columns below which nothing is wrapped to fit any more."""
_GAP = 2
"""Columns between the columns of a table."""
_INDENT = 4

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
        width=max(width, _NARROWEST),
        force_terminal=color,
        color_system="auto" if color else None,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        soft_wrap=True,  # we wrap ourselves
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
    return guard_commands(_TRAILING_SPACE.sub("", text))


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
    label = finding.severity.label.upper()
    title = f"{label}  {neutralize(finding.title)}  [{neutralize(finding.rule)}]"
    head = Text("\n".join(_wrapped(title, console.width)), style="bold")
    head.stylize(_STYLES[finding.severity], 0, len(label))
    console.print(head)
    if finding.location is not None:
        _print(console, finding.location.in_words, "dim", _INDENT)
    if finding.why:
        _print(console, finding.why, "", _INDENT)
    for remedy in finding.remedies:
        _print_remedy(console, remedy)
    console.print()


def _print_remedy(console: Console, remedy: Remedy) -> None:
    _print(console, f"→ {remedy.text}", "green", _INDENT, hanging=2)
    for flag in remedy.add_flags:
        _print_whole(console, f"add     {flag}")
    for flag in remedy.remove_flags:
        _print_whole(console, f"remove  {flag}")
    for path in remedy.move_away:
        _print_whole(console, f"move away  {path}")
    for command in remedy.commands:
        _print_whole(console, command.line, "cyan")
    if remedy.in_powershell:
        _print(console, "in PowerShell:", "", _INDENT + 2)
    for line in remedy.in_powershell:
        _print_whole(console, line, "cyan")


def _print_block(console: Console, block: Block) -> None:
    if isinstance(block, Heading):
        _print(console, block.text, "bold underline")
    elif isinstance(block, Paragraph):
        _print(console, block.text)
        console.print()
    elif isinstance(block, Code):
        console.print(Text(neutralize(block.text, len(block.text)), style="cyan"))
        console.print()
    elif isinstance(block, Table):
        for line in _table(block, console.width):
            console.print(Text(line))
        console.print()
    elif isinstance(block, Details):
        return


def _table(block: Table, width: int) -> Iterator[str]:
    """The rows in columns where they fit, the last one wrapped; else each row as a small list."""
    rows = [tuple(map(neutralize, row)) for row in block.rows]
    titled = [block.columns, *rows] if any(block.columns) else rows
    columns = max((len(row) for row in titled), default=0)
    widths = [max(map(cell_len, _column(titled, index))) for index in range(columns)]
    left = width - sum(size + _GAP for size in widths[:-1])
    last = list(_column(titled, columns - 1)) if columns else []
    words = (cell_len(word) for cell in last for word in cell.split())
    if columns and left >= min(widths[-1], max(_NARROWEST, *words, 0)):
        for row in titled:
            yield from _row(row, widths, left)
        return
    for row in rows:
        for title, cell in zip((*block.columns, *("",) * columns), row, strict=False):
            if cell:
                yield from _wrapped(f"{title}: {cell}" if title else cell, width, hanging=2)
        yield ""


def _column(rows: Sequence[Sequence[str]], index: int) -> Iterator[str]:
    return (line for row in rows if index < len(row) for line in row[index].split("\n"))


def _row(row: Sequence[str], widths: Sequence[int], left: int) -> Iterator[str]:
    """One row, its last cell wrapped to `left` columns and the others filled up to `widths`."""
    cells = [cell.split("\n") for cell in row[: len(widths) - 1]]
    cells += [[""]] * (len(widths) - 1 - len(cells))
    cells.append(list(_wrapped(row[-1], left)) if len(row) == len(widths) else [""])
    for number in range(max(map(len, cells))):
        parts = [lines[number] if number < len(lines) else "" for lines in cells]
        filled = (
            part + " " * (size - cell_len(part) + _GAP)
            for part, size in zip(parts[:-1], widths[:-1], strict=True)
        )
        yield "".join((*filled, parts[-1]))


def _print(console: Console, text: str, style: str = "", indent: int = 0, hanging: int = 0) -> None:
    """Prints `text` wrapped between words, `indent` columns from the left."""
    margin = " " * indent
    lines = _wrapped(neutralize(text), console.width - indent, hanging)
    console.print(Text("\n".join(margin + line for line in lines), style=style))


def _print_whole(console: Console, text: str, style: str = "") -> None:
    """Prints what is to be copied: never wrapped, never cut."""
    console.print(Text(" " * 2 * _INDENT + neutralize(text, len(text)), style=style))


def _wrapped(text: str, width: int, hanging: int = 0) -> Iterable[str]:
    """The lines of `text`, broken between words alone; those after the first are indented."""
    for line in text.split("\n"):
        yield from textwrap.wrap(
            line,
            max(width, _NARROWEST),
            subsequent_indent=" " * hanging,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
