"""Shows the files that `sdops scan` looked at, the bad ones in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sdops.checkpoint.scan.answer import ScanAnswer, ScannedFile
from sdops.finding import Report
from sdops.report.blocks import Block, Code, Heading, Paragraph, Table

DATA = ScanAnswer
_MOST_ROWS = 50


def blocks(report: Report) -> tuple[Block, ...]:
    """How many files are what, the files that are not safe, and decompiled pickles if asked for."""
    answer: ScanAnswer = report.data
    counts = Counter(file.verdict for file in answer.files)
    order = ("dangerous", "unfamiliar", "unreadable", "suspicious", "not-judged", "safe")
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])
    found: list[Block] = []
    bad = [file for file in answer.files if file.verdict != "safe"]
    if bad:
        rows = tuple((file.verdict, file.container, file.path) for file in bad[:_MOST_ROWS])
        found.append(Table(rows, ("verdict", "kind", "file")))
    if len(bad) > _MOST_ROWS:
        found.append(Paragraph(f"{len(bad) - _MOST_ROWS} more files are not safe: see --json."))
    for file in answer.files:
        if file.quarantined:
            found.append(Paragraph(f"{file.path} was moved to {file.quarantined}."))
        for text in file.decompiled:
            place = f" › {text.member}" if text.member else ""
            found += [Heading(f"{file.path}{place}"), Code(text.python)]
        if answer.list_imports:
            found += _imports(file)
    others = answer.others
    count = f"{len(answer.files)} file{'' if len(answer.files) == 1 else 's'} scanned"
    found.append(Paragraph(f"{count}: {told}." if told else f"{count}."))
    if others:
        files_are = "file is" if others == 1 else "files are"
        found.append(
            Paragraph(f"{others} other {files_are} no model (programs, pictures, texts): left out.")
        )
    return tuple(found)


def _imports(file: ScannedFile) -> Iterator[Block]:
    names = sorted({(item.class_, f"{item.module}.{item.name}") for item in file.globals})
    if names:
        yield Heading(file.path)
        yield Table(tuple(names), ("class", "imports"))
