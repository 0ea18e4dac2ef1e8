"""Which of the known names a mistyped one was meant to be, if any is really alike."""

from __future__ import annotations

from collections.abc import Iterable

_LETTERS_PER_MISTAKE = 4
_LONGEST = 60
"""Longer names are not typed by hand."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` is most likely a misspelling of, whatever its case; or None.

    One mistake in four letters (at least one) is allowed, and words that were left out.
    """
    folded = name.strip().casefold()
    allowed = max(1, len(folded) // _LETTERS_PER_MISTAKE)
    if not 2 <= len(folded) <= _LONGEST:
        return None
    best: tuple[int, str] | None = None
    for candidate in known:
        other = candidate.casefold()
        if abs(len(other) - len(folded)) <= allowed:
            mistakes = distance(folded, other)
            if mistakes <= allowed and (best is None or mistakes < best[0]):
                best = (mistakes, candidate)
    return best[1] if best else _with_words_left_out(folded, known)


def distance(one: str, other: str) -> int:
    """The letters to insert, delete, replace or swap with a neighbor to turn one into the other.

    Source: optimal string alignment (Damerau 1964; Wagner & Fischer 1974).
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, its in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _with_words_left_out(folded: str, known: Iterable[str]) -> str | None:
    words = set(folded.replace("-", " ").split())
    fits = [
        candidate
        for candidate in known
        if len(words) > 1 and words < set(candidate.casefold().replace("-", " ").split())
    ]
    return fits[0] if len(fits) == 1 else None
