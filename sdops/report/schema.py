"""The JSON Schema of every command's JSON: the common part, and each command's `data`.

`schemas/report.json` describes what all commands share; the `data` of one is what its view, in
`sdops.report.views`, names as `DATA`.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from importlib import resources
from typing import Any

from sdops.report import views
from sdops.typed_json import json_schema


def schema() -> dict[str, Any]:
    """The whole schema (JSON Schema 2020-12) as plain JSON values."""
    folder = resources.files("sdops.report").joinpath("schemas")
    whole: dict[str, Any] = json.loads(folder.joinpath("report.json").read_text("utf-8"))
    definitions: dict[str, Any] = {}
    branches = []
    for entry in sorted(pkgutil.iter_modules(views.__path__), key=lambda entry: entry.name):
        command = entry.name.replace("_", "-")
        view = importlib.import_module(f"{views.__name__}.{entry.name}")
        by_hand = folder.joinpath(f"{command}.json")
        if hasattr(view, "DATA"):
            data = json_schema(view.DATA)
            definitions |= data.pop("$defs", {})
        elif by_hand.is_file():
            data = json.loads(by_hand.read_text("utf-8"))
        else:
            continue
        branches.append(
            {
                "if": {"properties": {"command": {"const": command}}},
                "then": {"properties": {"data": data}},
            }
        )
    whole["allOf"] = branches
    whole["$defs"] = {**whole.get("$defs", {}), **definitions}
    return whole
