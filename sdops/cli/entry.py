"""Where the program starts.

To say the version takes nothing else. A scan often takes less time than loading the command line,
so `sdops scan PATH…` without unusual options goes straight to its work. Everything else, and every
mistake, goes to `sdops.cli.main`; a test holds both ways to the same answer.
"""

from __future__ import annotations

import sys
from typing import NoReturn

_PLAIN_FLAGS = {"--json", "--no-cache", "--quiet", "-q"}


def main() -> NoReturn:
    """Runs the program."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from sdops.version import __version__

        print(f"sdops {__version__}")  # noqa: T201
        sys.exit(0)
    if _is_plain_scan(arguments):
        from sdops.cli.guard import exit_code

        sys.exit(exit_code(lambda: _scan(arguments[1:]), debug=False))
    from sdops.cli.main import main as whole

    whole()


def _is_plain_scan(arguments: list[str]) -> bool:
    flags = {argument for argument in arguments[1:] if argument.startswith("-")}
    names = len(arguments) - 1 - sum(argument.startswith("-") for argument in arguments[1:])
    return arguments[:1] == ["scan"] and flags <= _PLAIN_FLAGS and names > 0


def _scan(arguments: list[str]) -> None:
    from sdops.checkpoint.scan.run import ScanOptions, run
    from sdops.cli.answer import Answer, note
    from sdops.cli.progress import byte_progress

    quiet = bool({"--quiet", "-q"} & set(arguments))
    names = tuple(argument for argument in arguments if not argument.startswith("-"))
    report = run(
        ScanOptions(names, cached="--no-cache" not in arguments),
        progress=lambda size, files: byte_progress("Scanning", size, files, quiet=quiet),
        note=(lambda _text: None) if quiet else note,
    )
    Answer("json" if "--json" in arguments else "rich", quiet=quiet).give(report)
