"""Remembers what scans found, for as long as the file and the policy stay the same."""

from __future__ import annotations

import os
from typing import Any

from sdops.checkpoint.files.cache import ResultCache
from sdops.checkpoint.scan.file import FileScan
from sdops.checkpoint.scan.judge import Judgment, Reference, Verdict
from sdops.checkpoint.scan.policy import Policy
from sdops.checkpoint.types import Problem


class ScanCache:
    """The scans by one policy."""

    def __init__(self, policy: Policy) -> None:
        self._results = ResultCache("scan", policy.version)

    def get(self, path: str) -> tuple[FileScan, os.stat_result] | None:
        """The scan of the file at `path` as it is now, and its state, if both are known."""
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        value = self._results.get(path, status)
        scan = None if value is None else from_json(value, path)
        return None if scan is None else (scan, status)

    def put(self, scan: FileScan, status: os.stat_result) -> None:
        """Remembers `scan` for its file as it was when `status` was taken."""
        self._results.put(scan.path, status, to_json(scan))

    def close(self) -> None:
        """Closes the cache's file."""
        self._results.close()


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
            weights=value["weights"],
            left_out=value["left_out"],
        )
    except (KeyError, TypeError, ValueError):
        return None


def _verdict(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"verdict": Verdict(row["verdict"])}
