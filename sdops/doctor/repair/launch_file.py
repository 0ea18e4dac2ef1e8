"""Changes the launch flags in `webui-user.sh` and `webui-user.bat`, and nothing else in them.

The files are edited as text: the lines that set COMMANDLINE_ARGS are found and rewritten, all
others stay as they are, byte for byte. A line that a shell could read in more than one way is not
touched: the user is asked to change it.

Source: AUTOMATIC1111/stable-diffusion-webui, webui-user.sh and webui-user.bat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sdops.errors import SdopsError


class UneditableError(SdopsError):
    """A launch file sets its flags in a way that only its owner should change."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of launch file sets its flags."""

    assignment: re.Pattern[str]
    """Matches an active line, with the groups `head`, `value` and `tail`."""
    new_line: str
    """A new assignment; `{}` stands for the flags."""
    before: re.Pattern[str] | None
    """A new assignment goes before the first line that matches; None: at the end."""
    word: re.Pattern[str]
    """One word of the value, with what is quoted inside it."""
    risky: re.Pattern[str]
    """What makes the shell compute something in the value."""


SHELL = Dialect(
    assignment=re.compile(
        r"""(?P<head>(?:export\s+)?COMMANDLINE_ARGS=(?P<quote>["']))"""
        r"""(?P<value>(?:(?!(?P=quote)).)*)(?P<tail>(?P=quote)\s*(?:\#.*)?)"""
    ),
    new_line='export COMMANDLINE_ARGS="{}"',
    before=None,
    word=re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+"""),
    risky=re.compile(r"\\|`|\$(?!COMMANDLINE_ARGS\b)"),
)
BATCH = Dialect(
    assignment=re.compile(
        r"(?P<head>@?set\s+COMMANDLINE_ARGS=)(?P<value>.*)(?P<tail>)", re.IGNORECASE
    ),
    new_line="set COMMANDLINE_ARGS={}",
    before=re.compile(r"\s*@?call\b", re.IGNORECASE),
    word=re.compile(r"""(?:[^\s"]|"[^"]*")+"""),
    risky=re.compile(r"[\^&|<>!]"),
)
COMMENT = re.compile(r"\s*(?:#|::|@?rem\b)", re.IGNORECASE)
MENTION = re.compile(r"\bCOMMANDLINE_ARGS\b", re.IGNORECASE)
PLAIN_FLAG = re.compile(r"--?[A-Za-z][\w-]*(?:[ =][\w./:@,+-]+)?")


def edit(text: str, dialect: Dialect, add: Iterable[str], remove: Iterable[str]) -> str:
    """`text` with the flags `add` in it and the flags `remove` (with their values) taken out.

    A flag in `add` replaces an earlier use of it. The edit made twice is the edit made once.

    Raises:
        UneditableError: the flags are not set in a way that can be changed safely.
    """
    added = tuple(add)
    for flag in added:
        if not PLAIN_FLAG.fullmatch(flag):
            raise UneditableError(f"The flag {flag} holds characters that need quoting.")
    gone = {_name(flag) for flag in (*remove, *added)}
    lines = re.split(r"(?<=\n)", text)
    active = [n for n, line in enumerate(lines) if MENTION.search(line) and not COMMENT.match(line)]
    for number in active:
        extra = added if number == active[-1] else ()
        lines[number] = _rewrite(lines[number], dialect, gone, extra)
    if not active and added:
        _insert(lines, dialect, dialect.new_line.format(" ".join(added)))
    return "".join(lines)


def _rewrite(line: str, dialect: Dialect, gone: set[str], added: tuple[str, ...]) -> str:
    body = line.rstrip("\r\n")
    match = dialect.assignment.fullmatch(body)
    if match is None or dialect.risky.search(match["value"]):
        raise UneditableError(f"This line is too unusual to change safely: {body.strip()}")
    words = dialect.word.findall(match["value"])
    if dialect.word.sub("", match["value"]).strip():
        raise UneditableError(f"The quotes in this line do not pair: {body.strip()}")
    kept = _without(words, gone)
    if kept == words and not added:
        return line
    value = " ".join((*kept, *added))
    return f"{match['head']}{value}{match['tail']}{line[len(body) :]}"


def _without(words: list[str], gone: set[str]) -> list[str]:
    """The words without the flags `gone` and the values that follow them."""
    kept: list[str] = []
    dropping = False
    for word in words:
        if word.startswith(("-", "$", "%")):
            dropping = _name(word) in gone
        if not dropping:
            kept.append(word)
    return kept


def _name(flag: str) -> str:
    return re.split(r"[ =]", flag, maxsplit=1)[0]


def _insert(lines: list[str], dialect: Dialect, new: str) -> None:
    ending = "\r\n" if any(line.endswith("\r\n") for line in lines) else "\n"
    at = len(lines)
    if dialect.before is not None:
        at = next((n for n, line in enumerate(lines) if dialect.before.match(line)), at)
    if at and lines[at - 1] and not lines[at - 1].endswith("\n"):
        lines[at - 1] += ending
    lines.insert(at, new + ending)
