"""How hashes look to people: one list a file."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.checkpoint.hash.answer import HashAnswer, HashedFile
from sdops.finding import Report
from sdops.report.blocks import Block, Heading, Table

DATA = HashAnswer


def blocks(report: Report) -> tuple[Block, ...]:
    """A heading and a table for each file."""
    answer: HashAnswer = report.data
    return tuple(block for file in answer.files for block in _file(file))


def _file(file: HashedFile) -> Iterator[Block]:
    rows = (
        ("sha256", file.sha256),
        ("AutoV2, A1111 short", file.autov2),
        ("A1111 legacy, AutoV1", file.a1111_legacy),
        ("AutoV3", file.autov3),
        ("kohya", file.kohya),
        ("BLAKE3", file.blake3),
        ("CRC32", file.crc32),
    )
    yield Heading(file.path)
    yield Table(tuple((label, digest) for label, digest in rows if digest))
