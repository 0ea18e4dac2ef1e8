"""`sdops scan`: would loading these model files run code?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdops.cli.answer import Answer, note
from sdops.cli.progress import byte_progress
from sdops.cli.reporting import reporting
from sdops.errors import UsageError
from sdops.finding import Report, Severity

_Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH…", help="Files, folders, http(s):// or hf:// addresses, -"),
]
_Include = Annotated[
    list[str] | None, typer.Option("--include", help="In folders, only files like *.ckpt.")
]
_Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", help="In folders, leave out files like *.txt.")
]
_Policy = Annotated[
    list[Path] | None, typer.Option("--policy", help="Names that you allow, with reasons.")
]
_Quarantine = Annotated[
    Path | None,
    typer.Option("--quarantine", metavar="DIR", help="Move dangerous files to this folder."),
]
_Unfamiliar = Annotated[
    str | None,
    typer.Option("--unfamiliar", metavar="SEVERITY", help="How severe unknown classes are: error."),
]
_Unreadable = Annotated[
    str | None,
    typer.Option(
        "--unreadable", metavar="SEVERITY", help="How severe unreadable files are: error."
    ),
]
_NotJudged = Annotated[
    str | None,
    typer.Option("--not-judged", metavar="SEVERITY", help="How severe files of no known kind are."),
]


def _level(word: str | None) -> Severity | None:
    if word is None:
        return None
    try:
        return Severity.of(word)
    except KeyError:
        raise UsageError(
            f"There is no severity {word!r}.", "Use info, warning, error or critical."
        ) from None


@reporting
def scan(
    answer: Answer,
    paths: _Paths = None,
    from_file: Annotated[
        list[Path] | None, typer.Option("--from-file", help="Also what this list names, by line.")
    ] = None,
    include: _Include = None,
    exclude: _Exclude = None,
    policy: _Policy = None,
    quarantine: _Quarantine = None,
    decompile: Annotated[
        bool, typer.Option("--decompile", help="Show the pickles as Python, through fickling.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, help="Files side by side; 0 chooses.")
    ] = 0,
    list_imports: Annotated[
        bool, typer.Option("--list-imports", help="Show what each file imports.")
    ] = False,
    unfamiliar: _Unfamiliar = None,
    unreadable: _Unreadable = None,
    not_judged: _NotJudged = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Scan every file, also unchanged ones.")
    ] = False,
) -> Report:
    """Look for code in model files: what would run if a program loaded them. Nothing is run."""
    from sdops.checkpoint.scan.report import Levels
    from sdops.checkpoint.scan.run import ScanOptions, run

    levels = Levels(*map(_level, (unfamiliar, unreadable, not_judged)))
    wanted = ScanOptions(
        names=tuple(paths or ()),
        lists=tuple(from_file or ()),
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        policies=tuple(policy or ()),
        quarantine=quarantine,
        decompile=decompile,
        jobs=jobs,
        cached=not no_cache,
        levels=levels,
        list_imports=list_imports,
    )
    return run(
        wanted,
        progress=lambda size, files: byte_progress("Scanning", size, files, quiet=answer.quiet),
        note=(lambda _text: None) if answer.quiet else note,
    )
