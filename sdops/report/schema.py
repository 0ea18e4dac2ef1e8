"""The JSON Schema of every command's JSON: what all share, and each command's `data`.

Both come from the types: `ReportDocument`, and what a command's view, in `sdops.report.views`,
names as `DATA`.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from sdops.report import views
from sdops.report.json_format import SCHEMA, ReportDocument
from sdops.typed_json import json_schema


def schema() -> dict[str, Any]:
    """The whole schema (JSON Schema 2020-12) as plain JSON values."""
    whole = json_schema(ReportDocument)
    definitions = whole["$defs"]
    shared = definitions.pop(whole["$ref"].rpartition("/")[2])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **shared,
        "allOf": [_branch(command, data, definitions) for command, data in _answers().items()],
        "$defs": definitions,
    }


def _answers() -> dict[str, Any]:
    """The type of each command's answer."""
    names = sorted(entry.name for entry in pkgutil.iter_modules(views.__path__))
    modules = {name: importlib.import_module(f"{views.__name__}.{name}") for name in names}
    return {name.replace("_", "-"): module.DATA for name, module in modules.items()}


def _branch(command: str, data: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    described = json_schema(data)
    for name, definition in described.pop("$defs", {}).items():
        if definitions.setdefault(name, definition) != definition:
            raise AssertionError(f"two types of answers are called {name}")
    return {
        "if": {"properties": {"command": {"const": command}}},
        "then": {"properties": {"data": described}},
    }
