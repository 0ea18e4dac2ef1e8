"""Writes the skeleton of a signature for a failure that no signature knows yet."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from sdops.explain.graph import Unknown
from sdops.explain.report import Explained
from sdops.facts.redact import redact

_VARYING = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)*|(?:[A-Za-z]:)?[\\/][^\s'\"]+")


def skeleton(logs: Sequence[Explained]) -> str:
    """TOML to paste into `profiles/signatures/`: one entry for each unknown failure of `logs`."""
    found = [
        cause.failure
        for log in logs
        for cause in log.diagnosis.causes
        if isinstance(cause.failure, Unknown)
    ]
    if not found:
        return "# Every failure in this log has a signature already.\n"
    return "\n".join(_entry(item) for item in found)


def _entry(item: Unknown) -> str:
    text = redact(item.excerpt)
    phrase = _VARYING.sub("…", text)
    name = item.unit.exception.rpartition(".")[2] or "failure"
    slug = re.sub(r"[^a-z0-9]+", "-", f"{item.owner.name} {name}".lower()).strip("-")
    rows = (
        ("id", slug),
        ("title", "A few words for a heading"),
        ("severity", "error"),
        ("stage", item.unit.stage or "launch"),
        ("any", [phrase[:200]]),
        ("cause", "One plain sentence: what happened, for someone who does not program."),
        ("remedy", "What to do, for a beginner; {pip} stands for the installation's own pip."),
        ("source", "Where this is known from: an issue, the program's source."),
        ("hit", [text]),
        ("miss", ["A line that looks alike and means something else."]),
    )
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in rows]
    return "\n".join(["[[signature]]", *lines, ""])
