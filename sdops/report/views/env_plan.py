"""How a planned environment looks to people: the packages, why these, and what to type."""

from __future__ import annotations

from sdops.env.answer import EnvPlanAnswer
from sdops.finding import Report
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table

DATA = EnvPlanAnswer


def blocks(report: Report) -> tuple[Block, ...]:
    """The packages and the command that installs them."""
    answer: EnvPlanAnswer = report.data
    if answer.command is None:
        return ()
    rows = tuple((item.name, item.version, item.reason) for item in answer.packages)
    return (
        Heading(f"What fits this machine (Python {answer.python})"),
        Table(rows, ("package", "version", "why")),
        *map(Paragraph, answer.notes),
        Paragraph("Install it with:"),
        Code(answer.command),
    )
