"""The table of known failures: what they print, what they mean, and what to do about them.

A phrase is written as programs print it. `{name}` stands for something that varies and is kept
(`{name:number}`, `{name:word}`, `{name:quoted}` for what that may be), `…` for anything within the
line. Case and the amount of white space do not matter. No phrase becomes an expression that can
explode: at most one wildcard in it is unbounded by its surroundings, and all are short.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sdops.errors import SdopsError
from sdops.finding import Severity
from sdops.profile import load, names

FOLDER = "signatures"
SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING, "harmless": Severity.INFO}
_KINDS = {
    "number": r"\d{1,12}(?:\.\d{1,6})?",
    "word": r"[^\s'\"`,;]{1,200}",
    "quoted": r"[^'\"\n]{1,300}",
    "name": r"[\w.-]{1,120}",
    "rest": r"[^\n]{1,400}",
}
_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}|…")
_WORD = re.compile(r"\w+")
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase that a program prints."""

    text: str
    words: frozenset[str]
    """Words of it, lower case: no line without all of them can hold the phrase."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """The phrase as a regular expression, with a group for each captured value."""
        return _compiled(self.text)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition on captured sizes or numbers: `left >= factor * right`."""

    left: str
    at_least: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Fix:
    """A command, for one platform or all."""

    run: str
    platform: str = "any"
    python: str = ""
    """Only for these versions of Python: `<3.13`."""

    @property
    def argv(self) -> tuple[str, ...]:
        """The command's words, without sudo."""
        words = tuple(shlex.split(self.run))
        return words[1:] if words[:1] == ("sudo",) else words


@dataclass(frozen=True, slots=True)
class Reason:
    """What lies behind a failure where the facts (`when`) are so."""

    when: Mapping[str, str]
    cause: str
    remedy: str
    commands: tuple[Fix, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """One class of failures."""

    id: str
    title: str
    cause: str
    remedy: str
    source: str
    severity: str = "error"
    """`error`, `warning` or `harmless`."""
    any: tuple[tuple[Phrase, ...], ...] = ()
    """One of these must be there; each is all the phrases that stand near one another."""
    without: tuple[Phrase, ...] = ()
    """None of these may stand near."""
    section: str = ""
    """Only in what pip, git or a compiler printed."""
    outside: tuple[str, ...] = ()
    """Not in what these printed."""
    kind: str = ""
    """Only in an `exception`, or only in a `record`."""
    owner: str = ""
    """Only where a `pack` (custom node, extension) or the `core` failed."""
    frames: tuple[str, ...] = ()
    """Only where one of these stands in the file names of the traceback's frames."""
    whole: tuple[str, ...] = ()
    """Lines that say it and nothing else."""
    compare: tuple[Comparison, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The only values that a captured name may have."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Facts of the log or the machine that must not be otherwise."""
    explains: tuple[str, ...] = ()
    """The classes that merely follow from this one."""
    wrapper: bool = False
    """It announces a failure and is never its cause where another is known."""
    checks: tuple[str, ...] = ()
    """The doctor's checks that find the cause on the machine itself."""
    reasons: tuple[Reason, ...] = ()
    commands: tuple[Fix, ...] = ()
    avoid: str = ""
    stage: str = ""
    ui: tuple[str, ...] = ("any",)
    platform: tuple[str, ...] = ("any",)
    action: str = "none"
    hit: tuple[str, ...] = ()
    """Logs in which it is the cause; the lines of one are joined by newlines."""
    miss: tuple[str, ...] = ()
    """Logs that look alike, in which it must not be named."""
    specific: int = 0
    """Length of the longest group of phrases: the more specific of two classes wins."""

    @property
    def sentence(self) -> str:
        """The cause's first sentence: what it means for the user."""
        return first_sentence(self.cause)[0]

    @property
    def remainder(self) -> str:
        """What the cause says after that."""
        return first_sentence(self.cause)[1]


def first_sentence(text: str) -> tuple[str, str]:
    """The first sentence of `text`, and the rest."""
    first, _, rest = text.partition(". ")
    return first.rstrip(".") + ".", rest


def phrase(text: str) -> Phrase:
    """`text` of the table as a phrase.

    Raises:
        SdopsError: nothing in it is fixed.
    """
    fixed = _PLACEHOLDER.sub("\0", text)
    whole = frozenset(
        match.group().lower()
        for match in _WORD.finditer(fixed)
        if "\0" not in fixed[max(match.start() - 1, 0) : match.end() + 1]
    )
    if not _WORD.search(fixed):
        raise SdopsError(f"A phrase has no fixed word: {text!r}")
    return Phrase(text, whole)


@cache
def _compiled(text: str) -> re.Pattern[str]:
    parts, at = [], 0
    for match in _PLACEHOLDER.finditer(text):
        parts.append(_literal(text[at : match.start()]))
        name, kind = match[1], match[2] or "word"
        if name is None:
            parts.append(r"[^\n]{0,200}?")
        elif kind in _KINDS:
            parts.append(f"(?P<{name}>{_KINDS[kind]})")
        else:
            raise SdopsError(f"A phrase has a placeholder of the unknown kind {kind!r}: {text}")
        at = match.end()
    parts.append(_literal(text[at:]))
    return re.compile("".join(parts), re.IGNORECASE)


def _literal(text: str) -> str:
    return r"\s{1,40}".join(re.escape(part) for part in re.split(r"\s+", text))


@cache
def signatures() -> tuple[Signature, ...]:
    """Every class: ours, then contributed ones (`sdops.profiles` named `signatures/user`).

    Raises:
        SdopsError: a table is not as it should be.
    """
    rows = [row for name in names(FOLDER) for row in load(name)["signature"]]
    return tuple(signature(row) for row in rows)


def signature(row: Mapping[str, Any]) -> Signature:
    """One row of the table.

    Raises:
        SdopsError: the row lacks something or says something unknown.
    """
    values = dict(row)
    try:
        groups = tuple(
            tuple(phrase(text) for text in ([item] if isinstance(item, str) else item))
            for item in values.pop("any")
        )
        built: dict[str, Any] = {
            "any": groups,
            "without": tuple(phrase(text) for text in values.pop("without", ())),
            "compare": tuple(Comparison(**item) for item in values.pop("compare", ())),
            "commands": _fixes(values.pop("commands", ())),
            "reasons": tuple(
                Reason(**{**item, "commands": _fixes(item.get("commands", ()))})
                for item in values.pop("reason", ())
            ),
            "specific": max(sum(len(part.text) for part in group) for group in groups),
            "values": {k: tuple(v) for k, v in values.pop("values", {}).items()},
        }
        for name in (
            "outside",
            "frames",
            "whole",
            "explains",
            "checks",
            "ui",
            "platform",
            "hit",
            "miss",
        ):
            if name in values:
                built[name] = tuple(values.pop(name))
        return Signature(**values, **built)
    except (TypeError, KeyError, ValueError) as error:
        raise SdopsError(f"The signature {row.get('id', '?')!r} is not valid: {error}.") from None


def _fixes(rows: Any) -> tuple[Fix, ...]:
    return tuple(Fix(row) if isinstance(row, str) else Fix(**row) for row in rows)


@cache
def _follow() -> Mapping[str, frozenset[str]]:
    """Every class with all that follows from it, directly or by way of others."""
    direct = {item.id: item.explains for item in signatures()}
    closed: dict[str, frozenset[str]] = {}
    for start in direct:
        seen: set[str] = set()
        ahead = list(direct[start])
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += direct.get(name, ())
        closed[start] = frozenset(seen - {start})
    return closed


def explains(cause: str, consequence: str) -> bool:
    """Whether the class `consequence` follows from the class `cause`."""
    return consequence in _follow().get(cause, frozenset())


def recognize(message: str) -> Signature | None:
    """The class of one error whose whole text is `message`, its words filled in, or None."""
    found = {
        item.id: (item, captured)
        for item in signatures()
        if item.severity == "error" and (captured := _captured(item, message)) is not None
    }
    roots = [pair for pair in found.values() if not any(explains(o, pair[0].id) for o in found)]
    if not roots:
        return None
    item, captured = max(roots, key=lambda pair: (not pair[0].wrapper, pair[0].specific))
    return replace(item, cause=fill(item.cause, captured), remedy=fill(item.remedy, captured))


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its placeholders replaced by `values`."""
    return _NAME.sub(lambda match: values.get(match[1], match[1]), text)


def _captured(item: Signature, message: str) -> Mapping[str, str] | None:
    """What `item` captures in `message`; None if it is not about that."""
    if item.section or item.frames or any(part.pattern.search(message) for part in item.without):
        return None
    for group in item.any:
        matches = [part.pattern.search(message) for part in group]
        captured = {
            name: value
            for match in matches
            if match
            for name, value in match.groupdict().items()
            if value
        }
        if all(matches) and all(
            captured.get(name, "").lower() in allowed for name, allowed in item.values.items()
        ):
            return captured
    return None
