"""Groups the words of a command line into flags and their values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

from sdops.facts.types import Argument

_FLAG = re.compile(r"--?[A-Za-z]")


def group(words: Iterable[str], switches: Set[str], file: str, line: int) -> tuple[Argument, ...]:
    """The flags among `words`, each with the words up to the next flag as its value.

    Args:
        words: the words after the program's name; those before the first flag are left out.
        switches: flags that take no value: a word after one belongs to nothing.
        file: where the words stand.
        line: the line in `file`, from 1; 0 where there are no lines.
    """
    grouped: list[tuple[str, list[str]]] = []
    for word in words:
        if _FLAG.match(word):
            flag, equals, value = word.partition("=")
            grouped.append((flag, [value] if equals else []))
        elif grouped and grouped[-1][0] not in switches:
            grouped[-1][1].append(word)
    return tuple(
        Argument(flag, " ".join(values) if values else None, file, line) for flag, values in grouped
    )
