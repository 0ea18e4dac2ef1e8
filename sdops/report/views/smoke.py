"""How the smoke test looks to people: each step, then the flags that follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sdops.bench.smoke.answer import SmokeAnswer
from sdops.finding import Report
from sdops.launch import LaunchPlan
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table
from sdops.tried import TriedStep

DATA = SmokeAnswer
_MARKS = {True: "ok", False: "FAILS", None: "-"}


def blocks(report: Report) -> tuple[Block, ...]:
    """The steps, the picture that was asked for, the flags and the images."""
    answer: SmokeAnswer = report.data
    return (
        Heading("What was tried"),
        steps_table(answer.steps),
        *_infotext(answer.infotext),
        *_launch(answer.launch),
        *_images(answer.images),
    )


def steps_table(steps: Iterable[TriedStep]) -> Table:
    """Each step, how it went, and what was seen."""
    return Table(tuple((_MARKS[step.ok], step.name, step.detail) for step in steps))


def _launch(launch: LaunchPlan) -> Iterator[Block]:
    yield Heading("Launch flags")
    if not launch.flags:
        yield Paragraph("Nothing that was measured here calls for a flag.")
        return
    rows = ((f"{item.flag} {item.value or ''}".strip(), item.reason) for item in launch.flags)
    yield Table(tuple(rows))
    yield Paragraph(f"Put this into {launch.place}:")
    yield Code(launch.line)


def _infotext(text: str | None) -> Iterator[Block]:
    if text:
        yield Heading("The picture that was asked for")
        yield Code(text)


def _images(paths: tuple[str, ...]) -> Iterator[Block]:
    if paths:
        yield Heading("Pictures")
        yield Table(tuple((path,) for path in paths))
