"""Scan results as JSON values and back, for the cache."""

from __future__ import annotations

from typing import Any

from sdops.checkpoint.judge import Judgment, Reference, Verdict
from sdops.checkpoint.scan import FileScan
from sdops.checkpoint.types import Problem


def to_json(scan: FileScan) -> dict[str, Any]:
    """`scan` as plain JSON values."""
    return scan._asdict() | {
        "references": [reference._asdict() for reference in scan.references],
        "judgments": [(member, judgment._asdict()) for member, judgment in scan.judgments],
        "problems": [problem._asdict() for problem in scan.problems],
    }


def from_json(value: Any, path: str) -> FileScan | None:
    """The scan that `to_json` gave, for the file at `path`; None if it is not one."""
    try:
        return FileScan(
            path=path,
            verdict=Verdict(value["verdict"]),
            container=value["container"],
            size_bytes=value["size_bytes"],
            pickles=value["pickles"],
            references=tuple(Reference(**_verdict(row)) for row in value["references"]),
            judgments=tuple(
                (member, Judgment(**_verdict(row))) for member, row in value["judgments"]
            ),
            problems=tuple(Problem(**row) for row in value["problems"]),
            left_out=value["left_out"],
        )
    except (KeyError, TypeError, ValueError):
        return None


def _verdict(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"verdict": Verdict(row["verdict"])}
