"""Places in a launch file where its shell understands something else than was meant.

They are looked for in the text as it stands: once it is parsed, they are gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sdops.facts.types import Trap
from sdops.facts.ui.kinds import UiKind

_TRAPS = 20
_SHOWN = 120
_LONG = r"[\u2010-\u2015\u2212]"
_DASH = re.compile(rf"(?<![^\s=\"'])(?:{_LONG}{{1,2}}-?|-{_LONG})[A-Za-z]")
_CURLY = re.compile(r"[\u201c\u201d\u201e\u2018\u2019]")
_SET = re.compile(r"\s*@?set\s+\"?([A-Za-z_]\w*)(\s*)=(\s*)(.*)", re.I)
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)(?:\s+=\s*|=\s+)[^\s#]")
_CALL = re.compile(r"\s*@?(?:call\s+)?\"?(?:[^\"\s]*\\)?([\w-]+\.bat)\b", re.I)
_SH = re.compile(r"(?:^|[;&|]\s*|\s)(?:/bin/)?(?:sh|dash)\s+(?:-\w+\s+)*\S*webui\.sh\b")


def find(text: str, script_format: str, file: str, kind: UiKind) -> Iterator[Trap]:
    """The traps in the script `text` of a UI of `kind`."""
    search = _in_batch if script_format == "batch" else _in_shell
    for number, (trap, line) in enumerate(search(text, kind)):
        if number >= _TRAPS:
            return
        yield Trap(trap, text.splitlines()[line - 1].strip()[:_SHOWN], file, line)


def _in_batch(text: str, kind: UiKind) -> Iterator[tuple[str, int]]:
    wanted = {name.upper() for name in _variables(kind)}
    starters = {name.lower() for name in kind.start_commands}
    started = False
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*(?:@?rem\b|::)", line, re.I):
            continue
        found = _SET.match(line)
        mine = found is not None and found[1].upper() in wanted
        if found and mine:
            value = found[4].rstrip()
            if found[2]:
                yield "spaced-set", number
            if found[1].upper() == kind.argument_variable and _loses_backslashes(value):
                yield "backslash", number
            if started and value:
                yield "set-after-call", number
        if mine or any(name in line for name in (*kind.scripts, *kind.start_commands)):
            yield from _typography(line, number)
        called = _CALL.match(line)
        started = started or (called is not None and called[1].lower() in starters)


def _in_shell(text: str, kind: UiKind) -> Iterator[tuple[str, int]]:
    wanted = set(_variables(kind))
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        spaced = _ASSIGNMENT.match(line)
        if spaced and spaced[1] in wanted:
            yield "spaced-assignment", number
        if _SH.search(line):
            yield "sh-webui", number
        named = any(name in line for name in (*wanted, *kind.scripts, *kind.start_commands))
        if named:
            yield from _typography(line, number)


def _variables(kind: UiKind) -> tuple[str, ...]:
    own = (kind.argument_variable,) if kind.argument_variable else ()
    return (*own, *kind.venv_settings, *kind.python_settings)


def _typography(line: str, number: int) -> Iterator[tuple[str, int]]:
    if _DASH.search(line):
        yield "dash", number
    if _CURLY.search(line):
        yield "curly-quote", number


def _loses_backslashes(value: str) -> bool:
    """Whether Python's shlex, with which the UI splits its arguments, drops a backslash."""
    outside = re.sub(r'"[^"]*"', "", value.strip('"') if value.count('"') == 1 else value)
    return re.search(r"\\[^\s\"]", outside) is not None
