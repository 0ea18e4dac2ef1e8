"""Expands `{a,b}` and `{0-11}` in tensor name patterns, as a shell does."""

from __future__ import annotations

import re
from collections.abc import Iterator

_RANGE = re.compile(r"(\d+)-(\d+)")


def expand(pattern: str) -> Iterator[str]:
    """Every name that `pattern` stands for, in order.

    Raises:
        ValueError: a brace is not closed.
    """
    start = pattern.find("{")
    if start < 0:
        yield pattern
        return
    end, options = _group(pattern, start)
    for rest in expand(pattern[end:]):
        for option in options:
            for inner in expand(option):
                yield pattern[:start] + inner + rest


def _group(pattern: str, start: int) -> tuple[int, list[str]]:
    """The index behind the group that opens at `start`, and its options, still unexpanded."""
    depth, options = 0, [""]
    for index in range(start, len(pattern)):
        character = pattern[index]
        depth += (character == "{") - (character == "}")
        if depth == 0:
            numbers = _RANGE.fullmatch(options[0]) if len(options) == 1 else None
            if numbers:
                options = [str(number) for number in range(int(numbers[1]), int(numbers[2]) + 1)]
            return index + 1, options
        if character == "," and depth == 1:
            options.append("")
        elif index > start:
            options[-1] += character
    raise ValueError(f"a brace is not closed in {pattern!r}")
