"""Reads the assignments and commands of a POSIX shell script without executing it.

A small part of the shell's grammar (POSIX.1-2017, chapter 2): quoting, comments, continuation
lines, `export`, expansion of variables that the script itself or the environment sets. Conditions
are not evaluated: what stands in a branch counts as done. Command substitutions stay as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sdops.facts.ui.script import (
    LIMIT_EXPANSION,
    LIMIT_STEPS,
    LIMIT_VALUE,
    Assignment,
    Command,
    Script,
)

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.S)
_NAME = re.compile(r"[A-Za-z_]\w*")
_EXPANSION = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?-([^{}]*))?\}|([@*#?]))")
_REDIRECTION = re.compile(r"\d*(?:&>>?|[<>]{1,3}[&|]?)[ \t]*")
_SEPARATORS = "\n;&|()"
_KEYWORDS = {"if", "then", "else", "elif", "do", "while", "until", "{", "!", "exec", "nohup",
             "time", "sudo", "command", "env"}  # fmt: skip


def read(text: str, environment: Mapping[str, str]) -> Script:
    """The assignments and commands of the script `text`, run with `environment`."""
    return _Reader(text.replace("\r\n", "\n"), dict(environment)).script()


@dataclass(slots=True)
class _Reader:
    text: str
    variables: dict[str, str]
    position: int = 0
    line: int = 1
    budget: int = LIMIT_EXPANSION
    """Characters that variables may still expand to."""
    assignments: list[Assignment] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    exported: set[str] = field(default_factory=set)

    def script(self) -> Script:
        self.exported |= self.variables.keys()
        for words, line in self._simple_commands():
            self._run(words, line)
            if len(self.assignments) + len(self.commands) >= LIMIT_STEPS:
                break
        # `export NAME` may come after the value was set.
        assignments = [
            Assignment(each.name, each.value, each.line, each.name in self.exported)
            for each in self.assignments
        ]
        return Script(tuple(assignments), tuple(self.commands))

    def _run(self, words: list[str], line: int) -> None:
        while words and words[0] in _KEYWORDS:
            words = words[1:]
        if not words:
            return
        if words[0] in ("export", "declare", "typeset", "readonly", "local"):
            for word in words[1:]:
                self._assign(word, line, exports=words[0] == "export" or "-x" in words)
            return
        if words[0] == "unset":
            for name in words[1:]:
                self._set(name, "", line)
            return
        leading = 0
        while leading < len(words) and _ASSIGNMENT.fullmatch(words[leading]):
            leading += 1
        for word in words[:leading]:
            # `NAME=value command` sets it for that command alone.
            self._assign(word, line, exports=leading < len(words))
        if leading < len(words):
            self.commands.append(Command(tuple(words[leading:]), line))

    def _assign(self, word: str, line: int, *, exports: bool) -> None:
        match = _ASSIGNMENT.fullmatch(word)
        name = match[1] if match else word
        if exports and _NAME.fullmatch(name):
            self.exported.add(name)
        if match:
            before = self.variables.get(name, "") if match[2] else ""
            self._set(name, before + match[3], line)

    def _set(self, name: str, value: str, line: int) -> None:
        self.variables[name] = value[:LIMIT_VALUE]
        self.assignments.append(Assignment(name, value[:LIMIT_VALUE], line, exported=False))

    def _simple_commands(self) -> Iterator[tuple[list[str], int]]:
        """The words of each command with the line that it starts on."""
        words: list[str] = []
        start = self.line
        while self.position < len(self.text):
            character = self.text[self.position]
            if self._skip_redirection():
                continue
            if character in _SEPARATORS:
                if words:
                    yield words, start
                words = []
                self._advance()
            elif character in " \t" or self.text.startswith("\\\n", self.position):
                self._advance(2 if character == "\\" else 1)
            elif character == "#":
                self._skip_comment()
            else:
                if not words:
                    start = self.line
                words += self._word()
        if words:
            yield words, start

    def _advance(self, count: int = 1) -> str:
        taken = self.text[self.position : self.position + count]
        self.position += count
        self.line += taken.count("\n")
        return taken

    def _skip_comment(self) -> None:
        end = self.text.find("\n", self.position)
        self.position = len(self.text) if end < 0 else end

    def _skip_redirection(self) -> bool:
        """Passes over `> file`, `2>&1`, `&> file`; says whether there was one."""
        match = _REDIRECTION.match(self.text, self.position)
        if match is None:
            return False
        self._advance(len(match[0]))
        if self.position < len(self.text) and self.text[self.position] not in _SEPARATORS:
            self._word()
        return True

    def _word(self) -> list[str]:
        """The next word; several, or none, where an unquoted variable holds white space."""
        if self.text.startswith('"$@"', self.position):
            self._advance(4)
            return []  # the script's own arguments: none
        parts = [""]
        quoted = False
        while self.position < len(self.text):
            character = self.text[self.position]
            if character in " \t<>" or character in _SEPARATORS:
                break
            if character in "'\"":
                parts[-1] += self._quoted(character)
                quoted = True
            elif character == "\\":
                self._advance()
                escaped = self._advance()
                parts[-1] += "" if escaped == "\n" else escaped
            elif character in "$`":
                value = self._expansion()
                splits = _ASSIGNMENT.fullmatch(parts[-1]) is None and character == "$"
                self._extend(parts, value.split() if splits else [value], value)
            else:
                parts[-1] += self._advance()
        # An unquoted expansion to nothing is no word at all.
        return [part for part in parts if part or quoted]

    @staticmethod
    def _extend(parts: list[str], fields: list[str], value: str) -> None:
        if not fields:
            return
        if value[:1].isspace() and parts[-1]:
            parts.append("")
        parts[-1] += fields[0]
        parts.extend(fields[1:])
        del parts[LIMIT_STEPS:]

    def _quoted(self, quote: str) -> str:
        self._advance()
        taken = ""
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == quote:
                self._advance()
                break
            if quote == '"' and character == "\\":
                self._advance()
                escaped = self._advance()
                kept = "" if escaped == "\n" else "\\" + escaped
                taken += escaped if escaped in '"\\$`' else kept
            elif quote == '"' and character in "$`":
                taken += self._expansion()
            else:
                taken += self._advance()
        return taken[:LIMIT_VALUE]

    def _expansion(self) -> str:
        """The value of `$NAME`, `${NAME}`, `${NAME:-default}`; anything else as it is written."""
        match = _EXPANSION.match(self.text, self.position)
        if match:
            self._advance(len(match[0]))
            if match[4]:
                return ""  # the script's own arguments: none
            value = self.variables.get(match[1] or match[2]) or match[3] or ""
            value = value[: self.budget]
            self.budget -= len(value)
            return value
        if self.text.startswith("$(", self.position):
            return self._enclosed("(", ")", 1)
        if self.text[self.position] == "`":
            return self._advance() + self._until("`")
        return self._advance()

    def _enclosed(self, opening: str, closing: str, skip: int) -> str:
        taken = self._advance(skip)
        depth = 0
        while self.position < len(self.text):
            character = self._advance()
            taken += character
            depth += (character == opening) - (character == closing)
            if depth == 0:
                break
        return taken

    def _until(self, closing: str) -> str:
        end = self.text.find(closing, self.position)
        end = len(self.text) if end < 0 else end + 1
        return self._advance(end - self.position)
