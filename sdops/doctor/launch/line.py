"""Writes a launch line so that the UI's own shell and Python read back what was meant."""

from __future__ import annotations

import json
import ntpath
import posixpath
import re
import shlex
from collections.abc import Sequence

from sdops import shells, uis
from sdops.doctor.launch.case import LaunchCase
from sdops.facts.types import UiInstall

PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")

Words = Sequence[str]


def launch_line(case: LaunchCase, words: Words) -> tuple[str, str]:
    """The line to paste, and the place to paste it into.

    A1111 and its kin split COMMANDLINE_ARGS with Python's shlex after the shell has read it, so
    each word is quoted for both.
    """
    facts, ui = case.facts, case.ui
    windows = facts.host.os == "windows"
    if case.rules.style == "command":
        return _command(case, words, windows)
    if case.rules.style == "yaml":
        return _keys(words), _join(ui.root, "invokeai.yaml", windows)
    if case.rules.style == "place":
        return (shells.cmd_line if windows else shells.sh_line)(words), case.rules.place
    name = "webui-user.bat" if windows else "webui-user.sh"
    place = _launch_file(ui, name) or _join(ui.root, name, windows)
    if windows:
        return "set COMMANDLINE_ARGS=" + " ".join(map(_batch_word, words)), place
    return f'export COMMANDLINE_ARGS="{_in_double_quotes(shlex.join(words))}"', place


def _command(case: LaunchCase, words: Words, windows: bool) -> tuple[str, str]:
    facts, ui, rules = case.facts, case.ui, case.rules
    launcher = next((path for path in ui.launch_files if path.endswith((".bat", ".sh"))), None)
    if not windows:
        join = shells.sh_line
    elif launcher and ui.layout != "desktop":
        join = shells.batch_line
    else:
        join = shells.cmd_line
    if ui.layout == "desktop":
        return join(words), "the settings of ComfyUI Desktop, page Server-Config"
    python = facts.python.executable if facts.python else "python"
    program = (rules.program_windows if windows else ()) or rules.program
    if ui.layout == "portable" and rules.program_portable:
        program = rules.program_portable
    begin = [python if word == "python" else word for word in program]
    line = join([*begin, *words])
    if launcher:
        return line, f"{launcher}, in place of the line that starts {_title(ui)}"
    return line, f"a terminal opened in {ui.root}"


def _title(ui: UiInstall) -> str:
    return str(uis.trait(ui.kind, "name") or ui.kind)


def _keys(words: Words) -> str:
    """Lines of a YAML file: each key with its value, which is JSON where it is not plain."""
    lines = []
    pairs = iter(words)
    for key in pairs:
        value = next(pairs, "true")
        plain = re.fullmatch(r"[A-Za-z0-9_.][\w .:/-]*", value)
        lines.append(f"{key}: {value if plain else json.dumps(value)}")
    return "\n".join(lines)


def _launch_file(ui: UiInstall, name: str) -> str | None:
    """The UI's own file of that name, as it was found."""
    return next((path for path in ui.launch_files if ntpath.basename(path).lower() == name), None)


def _in_double_quotes(text: str) -> str:
    """`text` as it must stand between double quotes in bash."""
    return re.sub(r'([\\"$`])', r"\\\1", text)


def _batch_word(word: str) -> str:
    r"""A word in a batch file that Python's shlex splits: quoted, with its backslashes kept.

    shlex takes a backslash between double quotes as it stands unless a quote or another
    backslash follows.
    """
    if PLAIN.fullmatch(word):
        return word
    escaped = re.sub(r'\\(?=[\\"]|$)', r"\\\\", word).replace('"', '\\"')
    return '"' + escaped.replace("%", "%%") + '"'


def _join(root: str, name: str, windows: bool) -> str:
    return ntpath.join(root, name) if windows else posixpath.join(root, name)
