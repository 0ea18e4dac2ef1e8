"""The text that A1111 writes into pictures: how each was made; written and read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sdops.dialect.kinds import Written, write
from sdops.dialect.samplers import split_scheduler
from sdops.errors import UsageError

NEGATIVE = "Negative prompt:"
PARAMETER = re.compile(r'(\w[\w \-/]{1,99}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""A1111's, but for the length of a name: without a limit, hostile text takes hours."""
SETTING = re.compile(rf"\s*{PARAMETER.pattern}\s*")
LEAST_PARAMETERS = 3
"""Fewer on the last line, and it is part of the prompt."""
MOST_CHARACTERS = 1 << 16
Parameters = Mapping[str, Written | None]
"""What the last line of an infotext says, in order; None is left out."""


@dataclass(frozen=True, slots=True)
class Infotext:
    """How a picture was made."""

    prompt: str
    negative: str = ""
    parameters: Parameters = field(default_factory=dict)

    def __str__(self) -> str:
        negative = f"\n{NEGATIVE} {self.negative}" if self.negative else ""
        parts = (
            key if key == value else f"{key}: {quote(value)}"
            for key, value in self.parameters.items()
            if value is not None
        )
        return f"{self.prompt}{negative}\n{', '.join(parts)}".strip()


def quote(value: Written) -> str:
    """`value` as it stands on the last line: as JSON if it would else be taken apart."""
    text = write(value)
    is_plain = text == text.strip() and not re.search(r'[,:\n]|^"', text)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def unquote(text: str) -> str:
    """The value that `quote` wrote as `text`."""
    if text.startswith('"') and text.endswith('"'):
        try:
            return str(json.loads(text)).encode("utf-8", "replace").decode()
        except json.JSONDecodeError:
            return text
    return text


def parse(text: str) -> Infotext:
    """The parts of an infotext, its values as they are written."""
    *lines, last = text.strip()[:MOST_CHARACTERS].split("\n")
    found = PARAMETER.findall(last)
    if len(found) < LEAST_PARAMETERS:
        lines, found = [*lines, last], []
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for line in map(str.strip, lines):
        if line.startswith(NEGATIVE):
            current, line = negative, line.removeprefix(NEGATIVE).strip()
        current.append(line)
    parameters = {key: unquote(value) for key, value in found}
    sampler, label = split_scheduler(parameters.get("Sampler", ""))
    if label and "Schedule type" not in parameters:  # as A1111 wrote it before 1.9
        parameters |= {"Sampler": sampler, "Schedule type": label}
    return Infotext("\n".join(prompt), "\n".join(negative), parameters)


def settings(text: str) -> dict[str, str]:
    """`Clip skip: 2, ENSD: 31337` as values by name.

    Raises:
        UsageError: it is not written so.
    """
    found: dict[str, str] = {}
    place = 0
    while place < len(text) or not found:
        match = SETTING.match(text, place)
        if match is None:
            raise UsageError(
                f"{text!r} is not written as settings are.",
                "Write it as in 'Clip skip: 2, ENSD: 31337'.",
            )
        found[match[1]] = unquote(match[2].strip())
        place = match.end()
    return found
