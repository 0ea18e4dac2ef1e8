"""How the making of a picture looks to people: prompts, settings, networks and models."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.dialect.answer import PictureAnswer, PnginfoAnswer
from sdops.finding import Report
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table

DATA = PnginfoAnswer


def blocks(report: Report) -> tuple[Block, ...]:
    """A heading and what is known, for each picture."""
    answer: PnginfoAnswer = report.data
    return tuple(block for file in answer.files for block in _file(file))


def _file(file: PictureAnswer) -> Iterator[Block]:
    yield Heading(file.path)
    if file.program is None:
        yield Paragraph("It does not say how it was made.")
    else:
        yield Paragraph(f"Made with {file.program}{_family(file)}.")
        yield Table(tuple(file.settings.items()))
        for title, text in (("Prompt", file.prompt), ("Negative prompt", file.negative)):
            if text:
                yield Paragraph(f"{title}:")
                yield Code(text)
        yield from _used(file)
    if file.missing:
        yield Paragraph(f"Not said: {', '.join(file.missing)}.")
    if file.not_understood:
        yield Paragraph(f"Not understood: {'; '.join(file.not_understood)}.")
    if file.stripped:
        yield Paragraph(f"A copy without all this: {file.stripped}")


def _family(file: PictureAnswer) -> str:
    return f", for {file.family}" if file.family else ""


def _used(file: PictureAnswer) -> Iterator[Block]:
    rows = [
        (each.kind, each.name, f"weight {each.weight}" if each.weight else "", each.hash or "")
        for each in file.networks
    ]
    rows += [(each.kind, each.name or "", "", each.hash or "") for each in file.models]
    if rows:
        yield Table(tuple(rows), ("Used", "", "", "Hash"))
