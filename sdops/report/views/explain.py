"""How an explanation looks to people: what merely follows, what is harmless, what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sdops.finding import Report
from sdops.report.blocks import Block, Details, Heading, Paragraph, Table

_SHOWN = 8
_FACTS = ("ui", "ui_version", "platform", "python", "torch", "gpu", "vram_mb", "executable")


def blocks(report: Report) -> tuple[Block, ...]:
    """Tables of consequences and harmless lines, and what the log says of its machine."""
    data = report.data
    return (
        *_matches(data, "consequence", "What only follows from it"),
        *_matches(data, "harmless", "Harmless, whatever it looks like"),
        *(block for log in data["logs"] for block in _log(log)),
    )


def _matches(data: Mapping[str, Any], role: str, title: str) -> Iterator[Block]:
    rows = tuple(
        (f"line {row['line']}", row["title"], row["excerpt"][:100])
        for row in data["matches"]
        if row["role"] == role
    )
    if rows:
        yield Heading(title)
        yield Table(rows[:_SHOWN])
        if len(rows) > _SHOWN:
            yield Details(f"{len(rows) - _SHOWN} more", (Table(rows[_SHOWN:]),))


def _log(log: Mapping[str, Any]) -> Iterator[Block]:
    seen = ", ".join(f"{name} {log['facts'][name]}" for name in _FACTS if name in log["facts"])
    if seen:
        yield Paragraph(f"{log['log']} says: {seen}.")
    for note in log["notes"]:
        yield Paragraph(note)
