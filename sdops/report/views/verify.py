"""How verification looks to people: one line a file."""

from __future__ import annotations

from sdops.checkpoint.verify.answer import VerifyAnswer
from sdops.finding import Report
from sdops.report.blocks import Block, Table

DATA = VerifyAnswer
_WORDS = {True: "as it should be", False: "NOT as it should be", None: "nothing to compare with"}


def blocks(report: Report) -> tuple[Block, ...]:
    """A table of the files and what came of them."""
    answer: VerifyAnswer = report.data
    rows = tuple((file.path, _WORDS[file.match]) for file in answer.files)
    return (Table(rows),) if rows else ()
