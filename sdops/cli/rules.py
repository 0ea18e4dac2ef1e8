"""`sdops rules`: everything that any command can find, and what it means."""

from __future__ import annotations

from typing import Annotated

import typer

from sdops.cli.answer import write_stdout


def rules(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID…]", help="Explain these. Default: list all.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List everything that sdops can find, or explain some of it: why, and what to do."""
    from json import dumps

    from sdops.report.rules import as_data, in_a_list, in_full
    from sdops.rules import every, find

    chosen = tuple(map(find, ids or ())) or every()
    if json:
        write_stdout(dumps([as_data(rule) for rule in chosen], indent=1, ensure_ascii=False) + "\n")
    elif ids:
        write_stdout("\n".join(map(in_full, chosen)))
    else:
        write_stdout(in_a_list(chosen))
