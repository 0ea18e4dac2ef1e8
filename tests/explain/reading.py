"""Explains text as `sdops explain` does, for tests."""

from __future__ import annotations

from sdops.explain.decode import read_bytes
from sdops.explain.graph import Unknown
from sdops.explain.match import Match
from sdops.explain.report import Explained, Known, explain


def read(text: str | bytes, known: Known | None = None, *, every_run: bool = False) -> Explained:
    """What a log with this text comes to."""
    content = text if isinstance(text, bytes) else text.encode()
    return explain("log", read_bytes(content), known or Known(), every_run=every_run)


def causes(text: str | bytes) -> list[str]:
    """The ids of the causes, the first on top; `?` and the exception for unknown failures."""
    return [_name(cause.failure) for cause in read(text).diagnosis.causes]


def everything(text: str | bytes) -> set[str]:
    """The ids of all that was named in any role."""
    diagnosis = read(text).diagnosis
    failures = [item for cause in diagnosis.causes for item in (cause.failure, *cause.consequences)]
    return {_name(item) for item in (*failures, *diagnosis.harmless)}


def unknown(text: str | bytes) -> list[Unknown]:
    """The failures of no known class, among causes and consequences."""
    found = read(text).diagnosis.causes
    return [
        item
        for cause in found
        for item in (cause.failure, *cause.consequences)
        if isinstance(item, Unknown)
    ]


def _name(item: Match | Unknown) -> str:
    return item.signature.id if isinstance(item, Match) else f"?{item.unit.exception}"
