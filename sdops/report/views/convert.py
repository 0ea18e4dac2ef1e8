"""How a conversion looks to people: what was written, what was left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdops.finding import Report
from sdops.report.blocks import Block, Heading, Paragraph, Table
from sdops.report.sizes import readable_size


def blocks(report: Report) -> tuple[Block, ...]:
    """A heading and a table for each file, and of many files a summary."""
    files = report.data.get("files", [report.data] if "source" in report.data else [])
    found = [block for file in files for block in _file(file)]
    if "files" in report.data:
        found.append(Paragraph(_summary(files, len(report.faults))))
    return tuple(found)


def _summary(files: Sequence[Mapping[str, Any]], faults: int) -> str:
    worked = [file for file in files if "skipped" not in file]
    written = "written" if all(file["written"] for file in worked) else "would be written"
    before, now = (
        readable_size(sum(file[key] for file in worked)) for key in ("bytes_in", "bytes_out")
    )
    sizes = f" ({before} before, {now} now)" if worked else ""
    told = [f"{len(worked)} {written}{sizes}"]
    left_out = len(files) - len(worked)
    told += [f"{left_out} left out"] if left_out else []
    told += [f"{faults} could not be"] if faults else []
    return f"Files: {', '.join(told)}."


def _file(file: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading(file["source"])
    if "skipped" in file:
        yield Paragraph(f"Left out: {file['skipped']}.")
        return
    yield Table(tuple(_rows(file)))
    if file["dropped"]:
        rows = tuple(
            (item["name"], readable_size(item["bytes"]) if item["bytes"] else "", item["reason"])
            for item in file["dropped"]
        )
        yield Table(rows, ("Left behind", "", "because"))


def _rows(file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield ("Written" if file["written"] else "Would be written"), file["destination"]
    before, after = readable_size(file["bytes_in"]), readable_size(file["bytes_out"])
    yield "Size", f"{before} before, {after} now"
    yield "Tensors", f"{file['tensors_in']} before, {file['tensors_out']} now"
    if file["tied_bytes"]:
        yield "Tied tensors", f"{readable_size(file['tied_bytes'])} are written more than once"
    for note in file["notes"]:
        yield "Note", note
    for name, count in file["overflowed"].items():
        numbers = "1 number" if count == 1 else f"{count} numbers"
        yield "Overflow", f"{numbers} of {name} became infinite"
    if file["sha256"]:
        yield "sha256", file["sha256"]
    if file["written"]:
        yield "Verified", "every byte was read back" if file["verified"] else "no, as asked"
