"""How a conversion looks to people: what was written, what was left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sdops.checkpoint.convert.answer import (
    ConvertAnswer,
    ConvertedFile,
    ConvertedFiles,
    LeftOutFile,
)
from sdops.finding import Report
from sdops.report.blocks import Block, Heading, Paragraph, Table
from sdops.report.sizes import readable_size

DATA = ConvertAnswer


def blocks(report: Report) -> tuple[Block, ...]:
    """A heading and a table for each file, and of many files a summary."""
    answer: ConvertAnswer = report.data
    if isinstance(answer, ConvertedFile):
        return tuple(_file(answer))
    shown = (block for file in answer.files for block in _file(file))
    return (*shown, Paragraph(_summary(answer, len(report.faults))))


def _summary(answer: ConvertedFiles, faults: int) -> str:
    worked = [file for file in answer.files if isinstance(file, ConvertedFile)]
    written = "written" if all(file.written for file in worked) else "would be written"
    told = [f"{len(worked)} {written}{_sizes(worked)}"]
    left_out = len(answer.files) - len(worked)
    told += [f"{left_out} left out"] if left_out else []
    told += [f"{faults} could not be"] if faults else []
    return f"Files: {', '.join(told)}."


def _sizes(worked: Sequence[ConvertedFile]) -> str:
    if not worked:
        return ""
    before = readable_size(sum(file.bytes_in for file in worked))
    now = readable_size(sum(file.bytes_out for file in worked))
    return f" ({before} before, {now} now)"


def _file(file: ConvertedFile | LeftOutFile) -> Iterator[Block]:
    yield Heading(file.source)
    if isinstance(file, LeftOutFile):
        yield Paragraph(f"Left out: {file.skipped}.")
        return
    yield Table(tuple(_rows(file)))
    if file.dropped:
        rows = tuple(
            (item.name, readable_size(item.bytes) if item.bytes else "", item.reason)
            for item in file.dropped
        )
        yield Table(rows, ("Left behind", "", "because"))


def _rows(file: ConvertedFile) -> Iterator[tuple[str, str]]:
    yield ("Written" if file.written else "Would be written"), file.destination
    before, after = readable_size(file.bytes_in), readable_size(file.bytes_out)
    yield "Size", f"{before} before, {after} now"
    yield "Tensors", f"{file.tensors_in} before, {file.tensors_out} now"
    if file.tied_bytes:
        yield "Tied tensors", f"{readable_size(file.tied_bytes)} are written more than once"
    for note in file.notes:
        yield "Note", note
    for name, count in file.overflowed.items():
        numbers = "1 number" if count == 1 else f"{count} numbers"
        yield "Overflow", f"{numbers} of {name} became infinite"
    if file.sha256:
        yield "sha256", file.sha256
    if file.written:
        yield "Verified", "every byte was read back" if file.verified else "no, as asked"
