"""Finds the Python that a user interface runs on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from sdops.facts.patient.interpreter import locate
from sdops.facts.types import UiInstall
from sdops.facts.ui import running
from sdops.facts.ui.kinds import UiKind, known
from sdops.paths import real

NO_VENV = "-"
"""What `venv_dir` and `VENV_DIR` are set to for no venv at all (A1111 webui.sh, webui.bat)."""


def python_of(ui: UiInstall) -> Path | None:
    """The folder or program of the Python that `ui` runs on, or None where it has none of its own.

    In this order: what runs it now, the environment that its launch files name, its portable
    package's, the folders where its kind keeps one, the program that its launch files name, the
    environment that is active in this shell.
    """
    if ui.running_pid is not None:
        program = running.python_of(ui.running_pid)
        if program is not None and locate(program) is not None:
            return program
    kind = known().get(ui.kind)
    if kind is None:
        return None
    places = (path for path in _places(ui, kind) if locate(path) is not None)
    return next(places, None)


def _places(ui: UiInstall, kind: UiKind) -> Iterator[Path]:
    root = Path(ui.root)
    named = next((value for name in kind.venv_settings if (value := ui.setting(name))), None)
    if named and named != NO_VENV:
        yield root / os.path.expanduser(named)  # noqa: PTH111  (a name from a shell script)
    activated = ui.setting("VIRTUAL_ENV")
    if activated:
        yield root / os.path.expanduser(activated)  # noqa: PTH111
    for python in kind.portable.pythons if kind.portable else ():
        yield root.parent / python
    if named != NO_VENV:
        yield from (root / folder for folder in kind.venv_folders)
    if ui.python:
        yield Path(ui.python)
    for name in kind.python_settings:
        program = ui.setting(name) or ""
        if os.path.isabs(program):  # noqa: PTH117  (a name from a launch file)
            yield Path(program)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        # An activated environment is what a launch from this shell would use; sdops's own is not.
        active = os.environ.get(variable)
        if active and real(active) != real(sys.prefix):
            yield Path(active)
