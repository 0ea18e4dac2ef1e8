"""How a model file's description looks to people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sdops.checkpoint.identify.answer import DescribedFile, InfoAnswer
from sdops.finding import Report
from sdops.report.blocks import Block, Details, Heading, Paragraph, Table
from sdops.report.sizes import readable_size

DATA = InfoAnswer
_MOST_IN_FULL = 3
_MOST_ROWS = 30
"""The most rows of a table, so that it fits a screen."""
_EMA = {
    "none": "no",
    "full": "complete, beside the live weights",
    "partial": "only some of the weights have one",
    "only": "it holds nothing but the average",
}
_SAVINGS = {
    "second_weights": "the second set of weights",
    "training_state": "training state",
    "half_precision": "16-bit precision",
}


def blocks(report: Report) -> tuple[Block, ...]:
    """Everything about a few files, a row for each of some, a row for each kind of many."""
    answer: InfoAnswer = report.data
    if answer.details or len(answer.files) <= _MOST_IN_FULL:
        return tuple(block for file in answer.files for block in _file(file))
    more = Paragraph("Everything about each file: --details, or --json.")
    if len(answer.files) <= _MOST_ROWS:
        rows = tuple(
            (Path(file.path).name, _what(file), readable_size(file.size_bytes))
            for file in answer.files
        )
        return Table(rows, ("File", "What it is", "Size")), more
    return Table(tuple(_kinds(answer.files)), ("Files", "What they are", "Size")), more


def _kinds(files: tuple[DescribedFile, ...]) -> Iterator[tuple[str, str, str]]:
    groups: dict[str, list[DescribedFile]] = {}
    for file in files:
        groups.setdefault(_what(file), []).append(file)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    for what, group in ordered[:_MOST_ROWS]:
        size = readable_size(sum(file.size_bytes for file in group))
        yield str(len(group)), what, size
    rest = [file for _, group in ordered[_MOST_ROWS:] for file in group]
    if rest:
        size = readable_size(sum(file.size_bytes for file in rest))
        yield str(len(rest)), "of other kinds", size


def _what(file: DescribedFile) -> str:
    title = file.title.partition(" (")[0]
    named = file.kind.casefold() in title.casefold()
    part = f", file {file.shard}" if file.shard else ""
    return (title if named else f"{title} ({file.kind})") + part


def _file(file: DescribedFile) -> Iterator[Block]:
    yield Heading(file.path)
    yield Table(tuple(_rows(file)))
    if file.readable_metadata:
        rows = tuple(
            (entry.label, entry.text + (" (private)" if entry.private else ""))
            for entry in file.readable_metadata
        )
        yield Table(rows, ("Metadata", ""))
    if file.evidence:
        yield Details("How it was recognized", (Paragraph("; ".join(file.evidence)),))


def _rows(file: DescribedFile) -> Iterator[tuple[str, str]]:
    yield "Container", f"{file.container}, {readable_size(file.size_bytes)}"
    yield "What it is", f"{file.title} ({file.kind})"
    if file.kind != "checkpoint" and file.architecture != "unknown":
        yield "Made for", file.architecture
    if file.prediction:
        yield "Prediction", file.prediction
    if file.shard:
        yield "Shard", file.shard
    if file.holds:
        yield "Holds", ", ".join(("diffusion model", *file.holds))
    if file.lacks:
        yield "Needs besides", ", ".join(file.lacks)
    for part in file.components:
        yield "Part", part.sentence
    if file.tensors:
        yield "Tensors", f"{file.tensors}, {file.parameters / 1e6:.1f} million parameters"
        yield "Precision", ", ".join(f"{name} × {count}" for name, count in file.dtypes.items())
        yield "EMA weights", _EMA[file.ema]
    for what, count in file.savings.items():
        yield "Pruning saves", f"{readable_size(count)} ({_SAVINGS[what]})"
    for text in file.opaque:
        yield "Not a tensor", text
