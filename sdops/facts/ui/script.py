"""What a launch script does, as far as can be seen without executing it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable that the script sets."""

    name: str
    value: str
    line: int
    exported: bool
    """Whether the programs that the script starts see it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program that the script starts."""

    words: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Script:
    """A launch script's assignments and commands, each in order."""

    assignments: tuple[Assignment, ...]
    commands: tuple[Command, ...]


LIMIT_BYTES = 256 * 1024
LIMIT_STEPS = 500
"""How many assignments and commands of one script are read."""
LIMIT_EXPANSION = 1024 * 1024
LIMIT_VALUE = 32 * 1024
"""Characters of one value: a script that doubles a variable again and again must not fill memory.
Windows allows 32767, Linux 131072."""
