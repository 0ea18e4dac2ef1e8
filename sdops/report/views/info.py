"""How a model file's description looks to people."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.checkpoint.identify.answer import DescribedFile, InfoAnswer
from sdops.finding import Report
from sdops.report.blocks import Block, Details, Heading, Paragraph, Table
from sdops.report.sizes import readable_size

DATA = InfoAnswer
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
    """A heading and a table for each file, and its training metadata."""
    answer: InfoAnswer = report.data
    return tuple(block for file in answer.files for block in _file(file))


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
