"""How a planned environment looks to people: the packages, why these, and what to type."""

from __future__ import annotations

from sdops.finding import Report
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table


def blocks(report: Report) -> tuple[Block, ...]:
    """The packages and the command that installs them."""
    data = report.data
    if not data["packages"]:
        return ()
    rows = [(item["name"], item["version"], item["reason"]) for item in data["packages"]]
    return (
        Heading(f"What fits this machine (Python {data['python']})"),
        Table(tuple(rows), ("package", "version", "why")),
        *(Paragraph(note) for note in data["notes"]),
        Paragraph("Install it with:"),
        Code(data["command"]),
    )
