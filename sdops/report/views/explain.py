"""How an explanation looks to people: what merely follows, what is harmless, what was seen."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.explain.answer import ExplainAnswer, LogFacts, Role
from sdops.finding import Report
from sdops.report.blocks import Block, Details, Heading, Paragraph, Table

DATA = ExplainAnswer
_SHOWN = 8
_FACTS = ("ui", "ui_version", "platform", "python", "torch", "gpu", "vram_mb", "executable")


def blocks(report: Report) -> tuple[Block, ...]:
    """Tables of consequences and harmless lines, and what the log says of its machine."""
    answer: ExplainAnswer = report.data
    return (
        *_seen(answer, "consequence", "What only follows from it"),
        *_seen(answer, "harmless", "Harmless, whatever it looks like"),
        *(block for log in answer.logs for block in _log(log)),
    )


def _seen(answer: ExplainAnswer, role: Role, title: str) -> Iterator[Block]:
    rows = tuple(
        (f"line {item.line}", item.title, item.excerpt[:100])
        for item in answer.matches
        if item.role == role
    )
    if rows:
        yield Heading(title)
        yield Table(rows[:_SHOWN])
        if len(rows) > _SHOWN:
            yield Details(f"{len(rows) - _SHOWN} more", (Table(rows[_SHOWN:]),))


def _log(log: LogFacts) -> Iterator[Block]:
    seen = ", ".join(f"{name} {log.facts[name]}" for name in _FACTS if name in log.facts)
    if seen:
        yield Paragraph(f"{log.log} says: {seen}.")
    for note in log.notes:
        yield Paragraph(note)
