"""Reads the part of YAML that the UIs' configuration files use: nested keys with plain values.

A library would bring all of YAML and no line numbers; these files (`invokeai.yaml`,
`extra_model_paths.yaml`) hold keys, scalars, and blocks of lines. Anything else is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ENTRIES = 1000
_KEY = re.compile(r"([A-Za-z0-9_.-]+|[A-Za-z0-9_][\w .-]*|\"[^\"]*\"|'[^']*')\s*:(?:\s+(.*))?$")
_BLOCK = re.compile(r"[|>][+-]?\d?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """A key that has a value."""

    path: tuple[str, ...]
    """The key with those that it is nested in, outermost first."""
    value: str
    """The lines of a block joined by newlines; the items of a list of lines too."""
    line: int


def read(text: str) -> tuple[Entry, ...]:
    """The keys in `text` that have a plain value, in order."""
    entries: list[Entry] = []
    for entry in _entries(text.splitlines()):
        entries.append(entry)
        if len(entries) >= _ENTRIES:
            break
    return tuple(entries)


def _entries(lines: list[str]) -> Iterator[Entry]:
    parents: list[tuple[int, str]] = []
    number = 0
    while number < len(lines):
        line = _without_comment(lines[number])
        number += 1
        match = _KEY.match(line.strip())
        if match is None:
            continue
        indent = len(line) - len(line.lstrip())
        while parents and parents[-1][0] >= indent:
            parents.pop()
        key, value = match[1].strip("\"'"), (match[2] or "").strip()
        path = (*(name for _, name in parents), key)
        if _BLOCK.match(value) or (not value and _starts_list(lines, number, indent)):
            block, end = _indented(lines, number, indent)
            yield Entry(path, block, number)
            number = end
        elif value:
            yield Entry(path, _unquoted(value), number)
        elif len(parents) < 10:
            parents.append((indent, key))


def _starts_list(lines: list[str], number: int, indent: int) -> bool:
    for line in lines[number:]:
        if line.strip():
            return line.strip().startswith("- ") and len(line) - len(line.lstrip()) >= indent
    return False


def _indented(lines: list[str], number: int, indent: int) -> tuple[str, int]:
    """The lines from `number` on that are indented deeper, and the number of the first after."""
    taken = []
    while number < len(lines):
        line = lines[number]
        depth = len(line) - len(line.lstrip())
        if (
            line.strip()
            and depth <= indent
            and not (depth == indent and line.strip().startswith("- "))
        ):
            break
        taken.append(_unquoted(_without_comment(line).strip().removeprefix("- ").strip()))
        number += 1
    return "\n".join(line for line in taken if line), number


def _without_comment(line: str) -> str:
    return "" if line.lstrip().startswith("#") else re.split(r"\s#", line, maxsplit=1)[0]


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
