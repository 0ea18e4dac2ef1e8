"""Reads the assignments and commands of a Windows batch file without executing it.

A small part of what `cmd.exe` does (Microsoft, Windows Commands: set, call, rem): `set`, `%NAME%`,
carets, comments, several commands on a line. Conditions are not evaluated: a line that starts with
`if` or `for` is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sdops.facts.ui.script import LIMIT_STEPS, LIMIT_VALUE, Assignment, Command, Script

_VARIABLE = re.compile(r"%%|%~([a-z]*)0|%[*0-9]|%([^%\r\n=\s][^%\r\n=]{0,99})%", re.I)
_SET = re.compile(r"set\s+(?:\"([^=\"]+)=(.*)\"[^\"]*|([^=\"/][^=\"]*)=(.*))", re.I)
_PASSED_OVER = re.compile(r"(?:if|for|rem|goto|setlocal|endlocal|echo|pause|exit)\b|:|\)", re.I)
_WORD = re.compile(r"(?:\"[^\"]*\"?|[^\s\"])+")
_REDIRECTION = re.compile(r"\d?>{1,2}&?\s*(?:\"[^\"]*\"|\S+)?|<\s*\S+")
_LINE_LENGTH = 8191
"""What cmd.exe takes (Microsoft, Command prompt line string limitation)."""
_OF_THE_SYSTEM = frozenset(
    {"USERPROFILE", "APPDATA", "LOCALAPPDATA", "HOMEDRIVE", "HOMEPATH", "SYSTEMDRIVE",
     "SYSTEMROOT", "PROGRAMFILES", "PROGRAMDATA", "PATH", "TEMP", "TMP", "USERNAME",
     "COMPUTERNAME", "CD", "DATE", "TIME", "ERRORLEVEL", "RANDOM"}
)  # fmt: skip
"""Variables that every Windows sets: left as written where their value is not known."""


def read(text: str, environment: Mapping[str, str], folder: str) -> Script:
    """The assignments and commands of the batch file `text` that stands in `folder`."""
    variables = {name.upper(): value for name, value in environment.items()}
    assignments: list[Assignment] = []
    commands: list[Command] = []
    for line, number in _logical_lines(text):
        for part in _commands_on(_expanded(line, variables, folder)):
            match = _SET.fullmatch(part)
            if match:
                # `set NAME = value` sets a variable whose name ends in a space: so it stays.
                name = match[1] or match[3]
                value = (match[2] if match[1] else match[4])[:LIMIT_VALUE]
                variables[name.upper()] = value
                assignments.append(Assignment(name, value.strip(), number, exported=True))
            elif not _PASSED_OVER.match(part):
                words = tuple(split(part))
                if words:
                    commands.append(Command(words, number))
        if len(assignments) + len(commands) >= LIMIT_STEPS:
            break
    return Script(tuple(assignments), tuple(commands))


def split(text: str) -> list[str]:
    """The words of a Windows command line, quotes removed; backslashes are ordinary there."""
    return [word.replace('"', "") for word in _WORD.findall(text)]


def _logical_lines(text: str) -> Iterator[tuple[str, int]]:
    """Each line with those that a caret at its end joins to it, and the first one's number."""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        line = line.strip(" \t\x1a") if not joined else line.lstrip()
        if line.endswith("^") and not line.endswith("^^"):
            joined += line[:-1]
            continue
        yield (joined + line).lstrip("@ \t"), start
        joined, start = "", 0
    if joined:
        yield joined.lstrip("@ \t"), start


def _expanded(line: str, variables: Mapping[str, str], folder: str) -> str:
    room = _LINE_LENGTH

    def value(match: re.Match[str]) -> str:
        nonlocal room
        text = unlimited(match)[:room]
        room -= len(text)
        return text

    def unlimited(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        if match[1] is not None:
            return folder.rstrip("\\/") + "\\" if "d" in match[1].lower() else ""
        if match[2] is None:
            return ""  # the script's own arguments: none
        name = match[2].upper()
        return variables.get(name, match[0] if name in _OF_THE_SYSTEM else "")

    return _VARIABLE.sub(value, line[:_LINE_LENGTH])


def _commands_on(line: str) -> Iterator[str]:
    """The commands on one line, split at `&` and `|` outside quotes, redirections removed."""
    if _PASSED_OVER.match(line):
        return
    parts = [""]
    quoted = escaped = False
    for character in line:
        if escaped:
            parts[-1] += character
            escaped = False
        elif character == "^" and not quoted:
            escaped = True
        elif character in "&|" and not quoted and not parts[-1].endswith(">"):
            parts.append("")
        else:
            quoted ^= character == '"'
            parts[-1] += character
    for part in parts:
        part = part.strip("@ \t(")
        # In a `set`, everything up to the end of the line is the value.
        yield part if part[:4].lower() == "set " else _REDIRECTION.sub(" ", part)
