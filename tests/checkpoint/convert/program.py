"""Runs `sdops convert` and `sdops prune` as users do; needs no torch itself."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema

from sdops.report.schema import schema


def convert(*arguments: object, command: str = "convert") -> tuple[int, dict[str, Any], str]:
    """Exit code, data, and standard error with the faults, of `sdops COMMAND arguments --json`."""
    result = subprocess.run(
        [sys.executable, "-m", "sdops", command, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "Traceback" not in result.stderr
    document = json.loads(result.stdout) if result.stdout else {}
    if document:
        jsonschema.validate(document, schema())
    faults = "\n".join(document.get("faults", ()))
    return result.returncode, document.get("data", {}), result.stderr + faults
