"""Shows each step of long work on stderr as it is done; silent in a pipe and with --quiet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Show = Callable[[str, "bool | None", str], None]
"""Told a step's name, whether it went well (None: it did not apply), and its detail."""


@contextmanager
def shown(*, quiet: bool) -> Iterator[Show]:
    """Gives the function to tell each step to; a spinner turns in between."""
    if quiet or not sys.stderr.isatty():
        yield lambda _name, _ok, _detail: None
        return
    from rich.console import Console
    from rich.text import Text

    from sdops.report.plain import neutralize

    console = Console(stderr=True)
    marks = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("-", "dim")}

    def show(name: str, ok: bool | None, detail: str) -> None:
        mark, style = marks[ok]
        line = Text.assemble((mark, style), f" {name}  ", (neutralize(detail), "dim"))
        console.print(line)

    with console.status(Text("Working …")):
        yield show
