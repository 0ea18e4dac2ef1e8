"""How the smoke test looks to people: each step, then the flags that follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sdops.finding import Report
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table

_MARKS = {True: "ok", False: "FAILS", None: "-"}


def blocks(report: Report) -> tuple[Block, ...]:
    """The steps, the picture that was asked for, the flags and the images."""
    return (
        Heading("What was tried"),
        steps_table(report.data["steps"]),
        *_infotext(report.data["infotext"]),
        *_launch(report.data["launch"]),
        *_images(report.data["images"]),
    )


def steps_table(steps: Iterable[Mapping[str, Any]]) -> Table:
    """Each step, how it went, and what was seen."""
    return Table(tuple((_MARKS[step["ok"]], step["name"], step["detail"]) for step in steps))


def _launch(launch: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading("Launch flags")
    if not launch["flags"]:
        yield Paragraph("Nothing that was measured here calls for a flag.")
        return
    rows = ((f"{f['flag']} {f['value'] or ''}".strip(), f["reason"]) for f in launch["flags"])
    yield Table(tuple(rows))
    yield Paragraph(f"Put this into {launch['place']}:")
    yield Code(launch["line"])


def _infotext(text: str | None) -> Iterator[Block]:
    if text:
        yield Heading("The picture that was asked for")
        yield Code(text)


def _images(paths: list[str]) -> Iterator[Block]:
    if paths:
        yield Heading("Pictures")
        yield Table(tuple((path,) for path in paths))
