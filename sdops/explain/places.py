"""Finds the logs that a user means: files as they are, and the newest log of a UI's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdops.errors import UnreadableInputError
from sdops.explain.report import STDIN
from sdops.facts.ui.install import look

ANY_LOGS = ("*.log", "logs/*.log", "user/*.log")


def logs_in(given: Sequence[str]) -> tuple[str, ...]:
    """The log files behind the names that were given.

    Raises:
        UnreadableInputError: a name does not exist, or a folder holds no log.
    """
    return tuple(name for item in given for name in _logs(item))


def _logs(name: str) -> tuple[str, ...]:
    path = Path(name)
    if name == STDIN or path.is_file():
        return (name,)
    if not path.exists():
        raise UnreadableInputError(
            f"There is no file {name}.",
            "Give the file that holds the console's text, or - to paste it into standard input.",
        )
    if not path.is_dir():
        return (name,)
    ui = look(path, None).value
    found = ui.logs[:1] if ui is not None else ()
    found = found or tuple(str(log) for log in _newest(path))
    if not found:
        raise UnreadableInputError(
            f"There is no log in {name}.",
            "Copy the console's text into a file, or pipe it: sdops explain < FILE",
        )
    return found


def _newest(folder: Path) -> tuple[Path, ...]:
    files = [path for pattern in ANY_LOGS for path in folder.glob(pattern) if path.is_file()]
    return tuple(sorted(files, key=lambda path: -path.stat().st_mtime)[:1])
