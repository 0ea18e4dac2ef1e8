"""Finds the process that runs a user interface now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sdops.facts.ui.kinds import UiKind
from sdops.facts.ui.launch import program_of

if TYPE_CHECKING:
    import psutil

COMMAND_LINE = "(running process)"
"""Stands for the file of an argument that the running process was given."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that runs the user interface."""

    pid: int
    words: tuple[str, ...]
    """What it was given after the program's name."""


def find(kind: UiKind, root: Path) -> Running | None:
    """The oldest process that runs one of the UI's programs from `root`, or None."""
    import psutil

    found = []
    for process in psutil.process_iter(["pid", "cmdline", "create_time"]):
        try:
            words = _words_of(process, kind, root)
        except (psutil.Error, OSError):
            continue
        if words is not None:
            found.append((process.info["create_time"] or 0, process.pid, words))
    if not found:
        return None
    _, pid, words = min(found)
    return Running(pid, words)


def python_of(pid: int) -> Path | None:
    """The Python program that the process `pid` runs, in its venv where it has one, or None."""
    import psutil

    try:
        process = psutil.Process(pid)
        first = process.cmdline()[0]
        if Path(first).is_absolute() and program_of([first]):
            return Path(first)
        if "/" in first or "\\" in first:
            return Path(process.cwd(), first)
        folder = process.environ().get("VIRTUAL_ENV") or process.environ().get("CONDA_PREFIX")
        return Path(folder) if folder else Path(process.exe())
    except (psutil.Error, OSError, IndexError):
        return None


def _words_of(process: psutil.Process, kind: UiKind, root: Path) -> tuple[str, ...] | None:
    command = process.info["cmdline"] or []
    if program_of(command) is None:  # an editor with the file open, for one
        return None
    for index, word in enumerate(command):
        name = re.split(r"[\\/]", word)[-1]
        if name not in kind.scripts:
            continue
        script = Path(process.cwd(), word)
        here = script.exists() and (root / name).exists() and script.samefile(root / name)
        # A program that pip installed is identified by the folder that it works on.
        if here or (kind.distribution and str(root) in command) or _inside(script, root):
            return tuple(command[index + 1 :])
        return None
    return None


def _inside(script: Path, root: Path) -> bool:
    return not script.name.endswith(".py") and root in script.parents
