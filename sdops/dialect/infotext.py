"""The text that A1111 and its kin write into pictures: written, and read in whatever state it is.

What is read has been through years of versions, websites, chats and text editors: lines wrapped
or joined, quotes torn, marks of a forum around words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sdops.dialect.kinds import Written, write
from sdops.dialect.samplers import scheduler_label, split_scheduler
from sdops.errors import UsageError

NEGATIVE = "Negative prompt:"
PARAMETER = re.compile(r'(\w[\w \-/]{1,99}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""A1111's, but for the length of a name: without a limit, hostile text takes hours."""
SETTING = re.compile(rf"\s*{PARAMETER.pattern}\s*")
NAME = re.compile(r"\s*(\w[\w \-/+.]{0,99}):\s*(?!//)")
QUOTED = re.compile(r'"(?:\\.|[^\\"])*"')
LAST_PART = re.compile(r"^\W{0,20}(?:Parameters:\s*)?(?=Steps:\s*\d+\s*(?:[,|]|$))", re.IGNORECASE)
JOINED = re.compile(r"\s(?=Steps:\s*\d+\s*[,|]\s*\w[\w ]{0,40}:)")
BB_CODE = re.compile(r"\[/?(?:b|i|u|s|quote|code|spoiler|center|(?:size|color|url|font)=[^\]]{0,80}"
                     r"|size|color|url|font)\]", re.IGNORECASE)  # fmt: skip
BARE = ("Tiling", "Restore faces")
"""What stands without a value."""
NOTHING = frozenset({"", "none", "null", "undefined", "nan", "n/a", "unknown", "-", "[]", "{}"})
"""Words by which programs say that a setting has no value."""
BEHIND = ("Template", "Negative Template", "Wildcard prompt", "Wildcard negative prompt")
"""What extensions write as lines of their own behind the parameters (sd-dynamic-prompts)."""
LEAST_PARAMETERS = 3
"""Fewer on the last line, and it is part of the prompt."""
MOST_CHARACTERS = 1 << 16
MOST_NESTED = 1 << 15
Parameters = Mapping[str, Written | None]
"""What the last line of an infotext says, in order; None is left out."""


@dataclass(frozen=True, slots=True)
class Infotext:
    """How a picture was made."""

    prompt: str
    negative: str = ""
    parameters: Parameters = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    """What stands among the parameters and is none."""

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
    is_plain = text == text.strip() and not re.search(r'[,:\n]|^["{\[]', text)
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
    """The parts of an infotext.

    Values are as they are written, but for samplers and schedules, which get the names that A1111
    gives them today.
    """
    lines = _lines(text.strip()[:MOST_CHARACTERS])
    start, line = _last_part(lines)
    parameters, unread = ({}, ()) if line is None else read_parameters(line)
    if len(parameters) < LEAST_PARAMETERS:
        start, parameters, unread = len(lines), {}, ()
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for each in map(str.strip, lines[:start]):
        if each.casefold().startswith(NEGATIVE.casefold()):
            current, each = negative, each[len(NEGATIVE) :].strip()
        current.append(each)
    return Infotext(
        "\n".join(prompt).strip(), "\n".join(negative).strip(), with_names(parameters), unread
    )


def _lines(text: str) -> list[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if re.search(r"\[b\](?:steps|negative prompt|sampler)\b", text, re.IGNORECASE):
        text = BB_CODE.sub("", text)
    lines = text.split("\n")
    if not any(map(LAST_PART.match, lines)):
        lines = [part for line in lines for part in JOINED.split(line, maxsplit=1)]
    if not any(line.strip().startswith(NEGATIVE) for line in lines):
        lines = [part for line in lines for part in re.split(rf"\s(?={NEGATIVE})", line)]
    return lines


def _last_part(lines: list[str]) -> tuple[int, str | None]:
    """The line at which the parameters begin, and all of them as one line."""
    starts = [number for number, line in enumerate(lines) if LAST_PART.match(line)]
    for start in reversed(starts):
        line = LAST_PART.sub("", lines[start])
        if len(read_parameters(line)[0]) >= LEAST_PARAMETERS or start + 1 < len(lines):
            return start, _with_wrapped(line, lines[start + 1 :])
    return len(lines) - 1, LAST_PART.sub("", lines[-1])


def _with_wrapped(line: str, rest: list[str]) -> str:
    """`line` with those that follow it: wrapped ones are joined, others are values of their own."""
    for more in filter(None, map(str.strip, rest)):
        name = NAME.match(more)
        is_alone = name is not None and name[1] in BEHIND
        is_list = not is_alone and bool(re.search(r",\s*\w[\w \-/]{0,99}:|,$", more))
        if line.rstrip().endswith((",", ":")) or is_list or more.startswith(","):
            line = f"{line.rstrip()} {more}"
        elif name:
            line = f"{line}, {name[1]}: {json.dumps(more[name.end() :], ensure_ascii=False)}"
        elif _is_open(line):
            line = f"{line} {more}"
    return line


def _is_open(line: str) -> bool:
    """Whether a quote is still open at the end of `line`."""
    return len(re.findall(r'(?<!\\)"', line)) % 2 == 1


def read_parameters(line: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """`Steps: 20, Size: 512x768, …` as values by name, and what between them is neither."""
    if len(re.findall(r"\|\s*\w[\w ]{0,40}:", line)) >= LEAST_PARAMETERS - 1:
        line = re.sub(r"\s*\|\s*(?=\w[\w ]{0,40}:)", ", ", line)
    found: dict[str, str] = {}
    unread: list[str] = []
    place = 0
    while place < len(line):
        name = NAME.match(line, place)
        if name is None:
            comma = line.find(",", place)
            end = len(line) if comma < 0 else comma
            word = line[place:end].strip()
            if word in BARE:
                found[word] = word
            elif word:
                unread.append(word)
            place = end + 1
            continue
        value, place = _value(line, name.end())
        found[name[1].strip()] = value
    return found, tuple(unread)


def _value(line: str, start: int) -> tuple[str, int]:
    """The value that begins at `start`, and where what follows it begins."""
    first = line[start : start + 1]
    if first == '"':
        quoted = QUOTED.match(line, start)
        if quoted and re.match(r"\s*(?:,|$)", line[quoted.end() :]):
            return unquote(quoted[0]), _after_comma(line, quoted.end())
        torn = re.compile(r",\s*(?=[A-Z]\w[\w \-/]{0,99}: )").search(line, start)
        end = torn.start() if torn else len(line)
        return line[start:end].strip().strip('"'), _after_comma(line, end)
    if first and first in "{[":
        closed = _balanced(line, start)
        if closed is not None and re.match(r"\s*(?:,|$)", line[closed:]):
            return line[start:closed], _after_comma(line, closed)
    comma = line.find(",", start)
    end = len(line) if comma < 0 else comma
    return line[start:end].strip(), end + 1


def _after_comma(line: str, place: int) -> int:
    comma = line.find(",", place)
    return len(line) if comma < 0 else comma + 1


def _balanced(line: str, start: int) -> int | None:
    """Where the bracket that opens at `start` is closed; None if it is not."""
    depth, place = 0, start
    most = min(len(line), start + MOST_NESTED)
    while place < most:
        letter = line[place]
        if letter == '"':
            quoted = QUOTED.match(line, place)
            if quoted is None:
                return None
            place = quoted.end()
            continue
        depth += (letter in "{[") - (letter in "}]")
        place += 1
        if depth == 0:
            return place
    return None


def with_names(parameters: Mapping[str, str]) -> dict[str, str]:
    """`parameters` with the names that A1111 gives to samplers and schedules since 1.9."""
    named = dict(parameters)
    for prefix in ("", "Hires "):
        sampler_key = f"{prefix}Sampler" if not prefix else f"{prefix}sampler"
        schedule_key = f"{prefix}Schedule type" if not prefix else f"{prefix}schedule type"
        if sampler_key in named:
            sampler, label = split_scheduler(named[sampler_key])
            named[sampler_key] = sampler
            if label and schedule_key not in named:  # as A1111 wrote it before 1.9
                named[schedule_key] = label
        if schedule_key in named:
            named[schedule_key] = scheduler_label(named[schedule_key])
    return named


def says_nothing(name: str, value: str) -> bool:
    """Whether `value` is a program's way to say that the setting `name` has none."""
    if name.casefold().endswith("upscaler"):  # None is one
        return not value.strip()
    plain = value.strip().casefold()
    is_size = name in ("Size", "Seed resize from", "Hires resize", "First pass size")
    return plain in NOTHING or (is_size and "-1" in plain)


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
    return with_names(found)
