"""Finds the patient: what the user asked to look at, or what is around the current folder."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from sdops.errors import UnreadableInputError, UsageError
from sdops.facts.files import entries, is_folder, readable_entries
from sdops.facts.patient import executable_header
from sdops.facts.patient.interpreter import locate
from sdops.facts.ui.kinds import known
from sdops.facts.ui.recognize import Recognized, recognize, recognize_around, recognize_below
from sdops.programs.process import ProbeError, program

_KINDS_HINT = "A target is a user interface's folder, a Python environment's folder, or a Python."

_LOG_SUFFIXES = (".log", ".txt", ".md", "")
_LOOKED_INTO = 200


@dataclass(frozen=True, slots=True)
class Target:
    """The patient."""

    ui_root: Path | None
    ui_kind: str | None
    python: Path | None
    """The Python that was asked for; None: the UI's own (see `sdops.facts.ui.python_of`)."""
    description: str
    """For people: what is looked at, and why where the user did not say."""


def resolve(target: str | None, ui: str | None = None, python: str | None = None) -> Target:
    """The patient that the command line names.

    Args:
        target: a UI's folder, a Python environment's folder, a Python program; None: the UI around
            the current folder, else the Python that runs sdops.
        ui: the kind of UI, where its files do not tell or tell wrong.
        python: a Python program or environment to look at in place of the UI's own.

    Raises:
        UsageError: there is no such kind of UI.
        UnreadableInputError: a path is missing, not readable, or neither a UI nor a Python.
    """
    if ui is not None and ui not in known():
        raise UsageError(
            f"sdops does not know a user interface named {ui!r}.",
            f"It knows: {', '.join(sorted(known()))}.",
        )
    chosen = _python(_existing(_on_path(python))) if python is not None else None
    if target is None:
        return _around(Path.cwd(), ui, chosen)
    path = _existing(target)
    if path.is_file():
        return _only_python(chosen or _python(path))
    found = _ui(path, ui)
    if found is not None:
        return _with_ui(found, chosen, "")
    if locate(path) is not None:
        return _only_python(chosen or path)
    around = recognize_around(path)
    if around is not None:
        return _with_ui(around, chosen, f", which holds {path}")
    below = recognize_below(path)
    if len(below) == 1:
        return _with_ui(below[0], chosen, f", which lies in {path}")
    raise UnreadableInputError(
        f"{path} holds neither a user interface that sdops knows nor a Python environment.",
        _hint_for(path),
    )


def _hint_for(path: Path) -> str:
    """What the user may have meant with a folder that is no patient."""
    below = [str(each.root) for each in recognize_below(path)]
    inside = (Path(entry.path) for entry in readable_entries(path)[:_LOOKED_INTO])
    pythons = [str(each) for each in inside if is_folder(each) and locate(each)]
    found = below or pythons
    if found:
        return f"In it is {', '.join(found[:5])}: name one of them."
    return f"{_KINDS_HINT} If a user interface is in it, name its kind: --ui {'|'.join(known())}"


def _on_path(name: str) -> str:
    """The program called `name` where that is a bare name such as `python3.10`, else `name`."""
    if os.path.basename(name) != name or os.path.exists(name):  # noqa: PTH110, PTH119
        return name
    try:
        return program(name)
    except ProbeError:
        return name


def _existing(given: str) -> Path:
    path = Path(os.path.abspath(os.path.expanduser(given)))  # noqa: PTH100, PTH111  (links stay)
    try:
        if path.is_dir():
            entries(path)
        elif not path.exists() and not path.is_symlink():
            raise UnreadableInputError(f"There is no {path}.", _KINDS_HINT)
    except PermissionError:
        raise UnreadableInputError(
            f"{path} may not be read by this user.",
            "Run sdops as the user who owns it, or change its permissions.",
        ) from None
    except OSError as error:
        raise UnreadableInputError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise UnreadableInputError(f"{given!r} is not a path.", _KINDS_HINT) from None
    return path


def _python(path: Path) -> Path:
    """`path` if it is an environment's folder or a Python program (even one whose base is gone)."""
    if path.is_dir():
        if locate(path) is not None:
            return path
        raise UnreadableInputError(f"There is no Python in {path}.", _KINDS_HINT)
    try:
        is_program = executable_header.read(str(path)) is not None
    except OSError:
        is_program = path.is_symlink()
    if not is_program or not path.name.lower().startswith(("python", "pypy")):
        is_log = path.suffix.lower() in _LOG_SUFFIXES
        hint = f"To have a log explained: sdops explain {path}" if is_log else _KINDS_HINT
        raise UnreadableInputError(f"{path} is not a Python program.", hint)
    return path


def _ui(path: Path, kind: str | None) -> Recognized | None:
    found = recognize(path)
    if kind is None or (found is not None and found.kind.kind == kind):
        return found
    # The user knows better; a portable package's folder is still entered.
    root = found.root if found is not None else path
    return Recognized(known()[kind], root, "plain")


def _around(here: Path, kind: str | None, python: Path | None) -> Target:
    found = recognize_around(here)
    if found is None and kind is not None:
        raise UnreadableInputError(
            f"There is no {known()[kind].name} in or above {here}.",
            f"Name its folder: sdops doctor FOLDER --ui {kind}",
        )
    if found is not None:
        return _with_ui(_ui(found.root, kind) or found, python, ", around the current folder")
    if python is not None:
        return _only_python(python)
    below = recognize_below(here)
    if len(below) == 1:
        return _with_ui(below[0], None, ", below the current folder")
    listed = ", ".join(str(each.root) for each in below[:5])
    where = f"around {here}" + (f"; below it are {listed}" if below else "")
    reason = f"the Python that runs sdops, because there is no user interface {where}"
    return Target(None, None, Path(sys.executable), f"{sys.executable} ({reason})")


def _with_ui(found: Recognized, python: Path | None, note: str) -> Target:
    description = f"{found.kind.name} in {found.root}{note}"
    if python is not None:
        description += f", with {python}"
    return Target(found.root, found.kind.kind, python, description)


def _only_python(python: Path) -> Target:
    return Target(None, None, python, str(python))
