"""`sdops schema`: the JSON Schema of every command's JSON."""

from __future__ import annotations

from sdops.cli.answer import write_stdout


def schema() -> None:
    """Print the JSON Schema that every command's --format json obeys."""
    import json

    from sdops.report.schema import schema as whole_schema

    write_stdout(json.dumps(whole_schema(), indent=2) + "\n")
