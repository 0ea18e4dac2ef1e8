"""How hashes look to people: one list a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sdops.finding import Report
from sdops.report.blocks import Block, Heading, Table

_LABELS = (
    ("sha256", "sha256"),
    ("autov2", "AutoV2, A1111 short"),
    ("a1111_legacy", "A1111 legacy, AutoV1"),
    ("autov3", "AutoV3"),
    ("kohya", "kohya"),
    ("blake3", "BLAKE3"),
    ("crc32", "CRC32"),
)


def blocks(report: Report) -> tuple[Block, ...]:
    """A heading and a table for each file."""
    return tuple(block for file in report.data["files"] for block in _file(file))


def _file(file: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading(file["path"])
    yield Table(tuple((label, file[key]) for key, label in _LABELS if file[key]))
