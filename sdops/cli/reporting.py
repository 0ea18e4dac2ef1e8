"""One decorator for every command that gives a report: the shared options are added to its own.

A command is a function that takes an `Answer` first, then its own arguments and options, and
returns a Report:

    @reporting
    def info(answer: Answer, paths: Paths) -> Report: ...

A parameter whose type is a named tuple of options, such as `options.Writing`, stands for all of
them. The answer is printed, saved and turned into the exit code here and nowhere else.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer

from sdops.cli.answer import Answer, Told
from sdops.report import FORMATS

PANEL = "The answer"
"""The heading in a command's help under which the shared options stand."""

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"How to print the answer: {', '.join(FORMATS)}.",
        rich_help_panel=PANEL,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="The same as --format json.", rich_help_panel=PANEL)
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the answer to this new file, not to the terminal.",
        rich_help_panel=PANEL,
    ),
]
SaveReport = Annotated[
    list[Path] | None,
    typer.Option(
        "--save-report",
        metavar="FILE",
        help="Also write the answer to this new file, in the format of its suffix: "
        f"{', '.join(kind.suffix for kind in FORMATS.values() if kind.suffix)}. Repeatable.",
        rich_help_panel=PANEL,
    ),
]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        help="Exit with 1 from this severity on: info, warning, error, critical, never.",
        rich_help_panel=PANEL,
    ),
]
ExitZero = Annotated[
    bool,
    typer.Option("--exit-zero", help="Exit with 0 whatever is found.", rich_help_panel=PANEL),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="ID",
        help="Report only findings with these ids (a,b or repeated).",
        rich_help_panel=PANEL,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="ID",
        help="Leave out findings with these ids (a,b or repeated).",
        rich_help_panel=PANEL,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="No progress and no notes, only the answer.",
        rich_help_panel=PANEL,
    ),
]


class _Shared(NamedTuple):
    """The options of every command that reports."""

    format_name: Format = None
    json: Json = False
    output: Output = None
    save_report: SaveReport = None
    fail_on: FailOn = "error"
    exit_zero: ExitZero = False
    only: Only = None
    ignore: Ignore = None
    quiet: Quiet = False


def reporting(command: Callable[..., Told | None]) -> Callable[..., None]:
    """`command` as typer takes it: with the shared options, and giving the answer it returns.

    A command that returns None has printed something else, such as a list.
    """
    _, *given = inspect.signature(command, eval_str=True).parameters.values()
    groups = {item.name: item.annotation for item in given if _is_group(item.annotation)}
    own = [item for item in given if item.name not in groups]
    shared = [item for group in (*groups.values(), _Shared) for item in _options(group)]

    @functools.wraps(command)
    def call(**values: Any) -> None:
        answer = Answer.of(**{name: values.pop(name) for name in _Shared._fields})
        for name, group in groups.items():
            values[name] = group(**{field: values.pop(field) for field in group._fields})
        told = command(answer, **values)
        if told is not None:
            answer.give(told)

    every = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in (*own, *shared)]
    call.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    call.__annotations__ = {item.name: item.annotation for item in every}
    return call


def _is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and hasattr(annotation, "_field_defaults")


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hints[name],
            default=group._field_defaults.get(name, inspect.Parameter.empty),
        )
        for name in group._fields
    ]
