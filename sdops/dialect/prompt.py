"""The prompt language that A1111's users write: AND, schedules, alternation, attention, BREAK.

Read in that order: `split_and` cuts a prompt into parts, `schedule` says what a part reads at each
step, and `parse_attention` what each piece of that text weighs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from sdops.errors import UsageError

ROUND, SQUARE = 1.1, 1 / 1.1
BREAK = ("BREAK", -1.0)
Weighted = tuple[str, float]


def split_and(prompt: str) -> list[Weighted]:
    """The parts between ANDs, each with the weight that may end it: `a cat :1.2 AND a dog`."""
    parts = []
    for part in re.split(r"\bAND\b", prompt):
        text = part.rstrip()
        match = re.search(r":\s*([-+]?(?:\d+\.?|\d*\.\d+))$", text)
        parts.append((text[: match.start()].rstrip(), float(match[1])) if match else (text, 1.0))
    return parts


ATTENTION = re.compile(
    r"\\[()\[\]\\]|\\|\(|\[|:\s*(?P<weight>[+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:"
)


def parse_attention(text: str) -> list[Weighted]:
    """`(a)` weighs 1.1 as much, `[a]` as much less, `(a:1.3)` 1.3; neighbors of a kind are joined.

    Raises:
        UsageError: a weight is not a number, such as `(a:1.2.3)`.
    """
    pieces: list[Weighted] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def weigh(start: int, factor: float) -> None:
        pieces[start:] = [(piece, weight * factor) for piece, weight in pieces[start:]]

    for match in ATTENTION.finditer(text):
        mark, weight = match[0], match["weight"]
        if mark.startswith("\\"):
            pieces.append((mark[1:], 1.0))
        elif mark in opened:
            opened[mark].append(len(pieces))
        elif weight is not None and opened["("]:
            weigh(opened["("].pop(), _number(weight, text))
        elif mark == ")" and opened["("]:
            weigh(opened["("].pop(), ROUND)
        elif mark == "]" and opened["["]:
            weigh(opened["["].pop(), SQUARE)
        else:
            pieces += _split_breaks(mark)
    for bracket, factor in (("(", ROUND), ("[", SQUARE)):
        for start in opened[bracket]:
            weigh(start, factor)
    return _joined(pieces) or [("", 1.0)]


def _number(weight: str, text: str) -> float:
    try:
        return float(weight)
    except ValueError:
        raise UsageError(
            f"The weight {weight!r} in the prompt {text!r} is not a number.",
            "Write a weight as (words:1.2), or a bracket that is meant literally as \\(.",
        ) from None


def _split_breaks(text: str) -> list[Weighted]:
    first, *rest = re.split(r"\s*\bBREAK\b\s*", text)
    return [(first, 1.0), *(item for part in rest for item in (BREAK, (part, 1.0)))]


def _joined(pieces: list[Weighted]) -> list[Weighted]:
    joined: list[Weighted] = []
    for piece, weight in pieces:
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + piece, weight)
        else:
            joined.append((piece, weight))
    return joined


def unweighted(text: str) -> list[Weighted]:
    """`text` as one piece: its brackets are literal."""
    return [(text, 1.0)]


EMPHASES = {
    "Original": parse_attention,
    "No norm": parse_attention,
    "Ignore": parse_attention,
    "None": unweighted,
}
"""How brackets are read, by A1111's setting "Emphasis mode"."""


@dataclass(frozen=True, slots=True)
class Steps:
    """How many steps a schedule is for, and where its numbers count from."""

    count: int
    first_pass: int | None = None
    """In the second pass of hires fix, the steps of the first; schedules go on from there."""
    old_timelines: bool = False
    """Whether a number below 1 is a share of the steps even when it has no point."""

    def last_before(self, number: str) -> int:
        """The last step before the change that `number` asks for."""
        value = float(number)
        if self.old_timelines:
            step = value * self.count if value < 1 else value
        elif "." in number:
            step = (value - (1.0 if self.first_pass is not None else 0.0)) * self.count
        else:
            step = value - (self.first_pass or 0)
        return int(max(-1.0, min(self.count, step)))


@dataclass(frozen=True, slots=True)
class _Group:
    """A bracket that changes with the steps, or stays: `options` are ranges of the prompt."""

    end: int
    options: tuple[tuple[int, int], ...]
    number: str | None = None
    """A schedule's number; None for an alternation. No options: it stays as it is."""


BRACKET = re.compile(r"\\.|(?P<bracket>[(\[])", re.DOTALL)
NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")


def schedule(prompt: str, steps: Steps) -> list[tuple[int, str]]:
    """What `prompt` reads, as (last step, text), steps counting from 1.

    `[before:after:N]` changes after step N, or after that share of the steps if N has a point;
    `[a|b]` alternates. A bracket that is no such group stands for itself.
    """
    groups = _groups(prompt)
    if not _is_readable(prompt, groups):
        return [(steps.count, prompt)]
    ends = {steps.count}
    for group in groups.values():
        if group.number is not None:
            ends.add(max(steps.last_before(group.number), 0))
        elif group.options:
            ends.update(range(1, steps.count + 1))
    ends.discard(0)
    return [(end, _text_at(prompt, groups, steps, end)) for end in sorted(ends)]


def _groups(prompt: str) -> dict[int, _Group]:
    """Every valid group by where it starts; from the right, so that nested ones are known."""
    groups: dict[int, _Group] = {}
    starts = [match.start() for match in BRACKET.finditer(prompt) if match["bracket"]]
    for start in reversed(starts):
        group = _group_at(prompt, start, groups)
        if group:
            groups[start] = group
    return groups


def _group_at(prompt: str, start: int, groups: dict[int, _Group]) -> _Group | None:
    bars: list[int] = []
    colons: list[int] = []
    i = start + 1
    while i < len(prompt):
        char = prompt[i]
        if char == "\\":
            if prompt[i + 1 : i + 2] in ("", "\n"):
                return None
            i += 2
            continue
        if char in "([":
            if i not in groups:
                return None
            i = groups[i].end
            continue
        if char in ")]":
            cuts = [start, *sorted(bars + colons), i]
            parts = tuple((a + 1, b) for a, b in pairwise(cuts))
            return _group(prompt, (prompt[start] + char, len(bars), len(colons)), parts)
        (bars if char == "|" else colons if char == ":" else []).append(i)
        i += 1
    return None


def _group(
    prompt: str, kind: tuple[str, int, int], parts: tuple[tuple[int, int], ...]
) -> _Group | None:
    end = parts[-1][1] + 1
    brackets, bars, colons = kind
    if brackets == "()":
        return _Group(end, ()) if bars == 0 and colons <= 1 else None
    if brackets != "[]" or (bars and colons):
        return None
    if bars:
        return _Group(end, parts)
    if colons == 0:
        return _Group(end, ())
    number = NUMBER.fullmatch(prompt[slice(*parts[-1])])
    if colons > 2 or not number:
        return None
    nothing = (end, end)
    before, after = parts[:2] if colons == 2 else (nothing, parts[0])
    return _Group(end, (before, after), number[1])


def _is_readable(prompt: str, groups: dict[int, _Group]) -> bool:
    """Whether there is no stray `|`, and nothing after a lone backslash, outside of groups."""
    i = 0
    while i < len(prompt):
        if prompt[i] == "|" or (prompt[i] == "\\" and prompt[i + 1 : i + 2] in ("", "\n")):
            return False
        i = groups[i].end if i in groups else i + (2 if prompt[i] == "\\" else 1)
    return True


def _text_at(prompt: str, groups: dict[int, _Group], steps: Steps, step: int) -> str:
    text, ranges = [], [(0, len(prompt))]
    while ranges:
        i, end = ranges.pop()
        while i < end:
            group = groups.get(i)
            if group and group.options:
                ranges += [(group.end, end), _choice(group, steps, step)]
                break
            width = 2 if prompt[i] == "\\" else 1
            text.append(prompt[i : i + width])
            i += width
    return "".join(text)


def _choice(group: _Group, steps: Steps, step: int) -> tuple[int, int]:
    if group.number is None:
        return group.options[(step - 1) % len(group.options)]
    return group.options[0 if step <= steps.last_before(group.number) else 1]
