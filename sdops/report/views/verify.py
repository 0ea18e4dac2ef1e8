"""How verification looks to people: one line a file, and of many files a summary."""

from __future__ import annotations

from collections import Counter

from sdops.checkpoint.verify.answer import VerifyAnswer
from sdops.finding import Report
from sdops.report.blocks import Block, Paragraph, Table

DATA = VerifyAnswer
_WORDS = {True: "as it should be", False: "NOT as it should be", None: "nothing to compare with"}
_MOST_ROWS = 30
"""More do not fit a screen; then only the files that are wrong are listed."""


def blocks(report: Report) -> tuple[Block, ...]:
    """A table of the files and what came of them."""
    answer: VerifyAnswer = report.data
    files = answer.files
    if len(files) <= _MOST_ROWS:
        rows = tuple((file.path, _WORDS[file.match]) for file in files)
        return (Table(rows),) if rows else ()
    wrong = [file.path for file in files if file.match is False]
    counts = Counter(_WORDS[file.match] for file in files)
    told = ", ".join(f"{count} {words}" for words, count in counts.most_common())
    summary = Paragraph(f"{len(files)} files: {told}.")
    rows = tuple((path, _WORDS[False]) for path in wrong[:_MOST_ROWS])
    return (summary, Table(rows)) if rows else (summary,)
