"""The JSON Schema of every command's JSON: the common part, and each command's `data`.

`schemas/report.json` describes what all commands share; `schemas/<command>.json` the `data` of one.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def schema() -> dict[str, Any]:
    """The whole schema (JSON Schema 2020-12) as plain JSON values."""
    folder = resources.files("sdops.report").joinpath("schemas")
    whole: dict[str, Any] = json.loads(folder.joinpath("report.json").read_text("utf-8"))
    whole["allOf"] = [
        {
            "if": {"properties": {"command": {"const": entry.name.removesuffix(".json")}}},
            "then": {"properties": {"data": json.loads(entry.read_text("utf-8"))}},
        }
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".json") and entry.name != "report.json"
    ]
    return whole
