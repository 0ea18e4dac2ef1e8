"""Takes off a log line what consoles, loggers and forums put around it; the number stays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sdops.explain.decode import RawLine

TEXT_LIMIT = 4000
"""Characters of one line that are looked at."""

_ESCAPE = re.compile(
    r"[\x1b←\x9b␛]\[[0-9;:?]{0,40}[A-Za-z]|\x1b\][^\x07\x1b]{0,300}(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]"
    r"|\\(?:x1b|u001b|033|e)\[[0-9;]{0,20}m"
)
_BAR = re.compile(
    r"^.{0,120}?\d{1,3}%\s?\|[^|]{0,300}\|[^\[\]\n]{0,60}\[[^\]]{0,100}\]?\s{0,40}"
    r"|^\s*(?:━|─|╸|╺|█|▉|▊|▋|▌|▍|▎|▏|░|#|=){10,200}[^A-Za-z]{0,60}"
)
_BAR_WITHOUT_TOTAL = re.compile(r"^\d{1,9}it \[[^\]]{0,60}\]\s{0,10}")

_QUOTE = re.compile(r"^\s{0,3}(?:> ?)+(?!>)")
_STAMP = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_OUTER = {
    "docker": re.compile(r"^[A-Za-z][\w./-]{0,60} {0,20}\| ?"),
    "journal": re.compile(
        r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,80} [\w.@/-]{1,60}(?:\[\d+\])?: ?"
        rf"|^{_STAMP} (?!- )\S{{1,80}} [\w.@/-]{{1,60}}\[\d+\]: ?"
    ),
    "pod": re.compile(rf"^{_STAMP}\s(?!- )(?:std(?:out|err) [FP] )?"),
    "numbers": re.compile(r"^\s{0,6}\d{1,6}(?:[|│] ?|\t|: )"),
}
"""What stands before every line where it stands at all."""

_LEVEL = (
    r"(?P<level>CRITICAL|FATAL|ERROR|WARNING|WARN|INFO|DEBUG|TRACE"
    r"|(?i:error|warning|info|debug)(?=\]|:| -| \|))"
)
_INNER = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^{_STAMP} \| \w{{1,20}} \| {_LEVEL} \| [\w.]{{1,60}} \| ",
        rf"^\[?{_STAMP}\]?::\[[^\]]{{1,80}}\]::{_LEVEL} -->\s?",
        rf"^{_STAMP} - \S{{1,120}} - {_LEVEL} - ",
        rf"^\[{_STAMP}\]\s{{0,3}}(?:\[{_LEVEL}\]\s{{0,9}})?",
        (
            rf"^{_STAMP}(?: - |\s{{1,4}}\[?{_LEVEL}\]?\s{{1,9}}"
            r"(?:\[[^\]]{1,80}\]\s{0,3})?(?:- )?|\s(?=Traceback|  File))"
        ),
        rf"^\d\d:\d\d:\d\d-\d{{6}}\s{_LEVEL}\s{{1,8}}",
        (
            rf"^\[?\d\d:\d\d:\d\d(?:[.,]\d{{1,6}})?\]? \[?{_LEVEL}\]?:?\s{{0,8}}"
            r"(?:\[[^\]]{1,60}\]\s?)?"
        ),
        r"^\[\d\d:\d\d:\d\d(?:[.,]\d{1,6})?\]\s{0,3}",
        r"^\d\d:\d\d:\d\d(?:[.,]\d{1,6})? (?=Traceback|  File|\[)",
        (
            r"^\[(?P<level>[Ww]arning|[Ee]rror|[Ii]nfo|[Dd]ebug|[Ii]nit|ERROR|WARNING|INFO|DEBUG)\]"
            r" {1,8}"
        ),
        r"^\[(?P<level>ERROR|WARNING|INFO|DEBUG)\](?=[A-Z])",
        r"^\[[\w .-]{1,40}[/\\]STD(?:ERR|OUT)\] ?",
        r"^(?P<level>ERROR|WARNING|INFO|CRITICAL|DEBUG):[\w.]{1,80}:\s?",
        (
            r"^(?P<level>[EWI])\d{4} \d\d:\d\d:\d\d[.\d]{0,12} +\d+ [^\]]{1,200}\] ?"
            r"(?:\[[\d/]{1,12}\] ?)?"
        ),
        r"^\[rank\d{1,3}\]:(?:\[[^\]]{1,60}\])? ?",
        r"^(?:\[(?:Prompt Server|START|DONE)\]) ?",
        r"^\*{3} ?",
    )
)
_TAIL_MODULE = re.compile(r"\s{2,200}\w{1,40}\.py :: (?P<level>INFO|WARNING|ERROR)$")
_TAIL_STAMP = re.compile(rf"\s*{_STAMP}(?: - )?\s*$")
_GLUED_STAMP = re.compile(rf"(?<=[\w.)'\"\]]){_STAMP} - (?=[A-Z\[!*\s])")

_BOX_TITLE = re.compile(r"^\s*[╭┌+][─━-]{2,}.*?(Traceback \(most recent call last\)).*$")
_BOX_EDGE = re.compile(r"^\s*[╭╰┌└├+][─━╌-]{4,}.*$")
_BOX_SIDE = re.compile(r"^(?P<indent>\s{0,30})[│┃║](?P<inner>.*?)\s*[│┃║]?\s*$")
_GROUP_SIDE = re.compile(
    r"^\s{0,12}(?:\+-\+-+ .*|[|+] (?=\s|Exception Group|[A-Za-z_.]+(?:Error|Exception)))"
)

_SPACED = re.compile(r"^(?:\S ){12,}\S?$")
_ESCAPED_LINES = re.compile(r"\\r\\n|\\n")
_LIST_JOINT = re.compile(r"""^['"]?\s*,\s*(?:u?['"])?|^\s*\[?u?['"](?=\s*(?:File|Traceback| ))""")

LEVELS = {"CRITICAL": "error", "FATAL": "error", "ERROR": "error", "E": "error",
          "WARNING": "warning", "WARN": "warning", "W": "warning"}  # fmt: skip


class Line(NamedTuple):
    """One line of what the program itself printed."""

    number: int
    """In the file, from 1."""
    text: str
    level: str = ""
    """`error`, `warning`, or empty: as the logger said, not as we judge."""
    fenced: bool = False
    """Inside a fence of an issue."""
    stamped: bool = False
    """It began with a logger's prefix, so it continues nothing."""


def clean(lines: Iterable[RawLine]) -> tuple[Line, ...]:
    """What the programs printed, line by line."""
    raw = tuple(lines)
    outer = _outer(raw)
    result: list[Line] = []
    fenced = False
    for number, text in raw:
        if "```" in text and text.strip(" >").startswith("```"):
            fenced = not fenced
            continue
        for piece in _pieces(text):
            line = _line(number, piece, outer, fenced)
            if not _joined(result, line, piece):
                result.append(line)
    return tuple(result)


def _outer(raw: tuple[RawLine, ...]) -> re.Pattern[str] | None:
    """The prefix that stands before (nearly) every line, or None."""
    sample = [_QUOTE.sub("", line.text) for line in raw[:600] if line.text.strip()]
    counts = Counter(
        name for text in sample for name, pattern in _OUTER.items() if pattern.match(text)
    )
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    return _OUTER[name] if count > 0.6 * len(sample) else None


def _pieces(text: str) -> Iterator[str]:
    """One line of the file as the lines it shows: redrawn bars, escaped newlines."""
    text = text[: TEXT_LIMIT * 12]
    if "\x1b" in text or "[" in text:
        text = _ESCAPE.sub("", text)
    if "\x08" in text:
        text = text.replace("\x08", "")
    text = text.rstrip("\r")
    if "\r" in text:
        drawn = [piece for piece in text.split("\r") if piece.strip()]
        text = drawn.pop() if drawn else ""
        yield from (piece for piece in drawn if not _BAR.match(piece))
    if "\\n" in text and ("Traceback (" in text or 'File \\"' in text or "File '" in text):
        yield from _unescaped(text)
    elif _SPACED.match(text[:200]) and len(text) > 30:
        yield text[0::2]
    else:
        yield text


def _unescaped(text: str) -> Iterator[str]:
    for piece in _ESCAPED_LINES.split(text):
        piece = _LIST_JOINT.sub("", piece).replace('\\"', '"').replace("\\\\", "\\")
        found = piece.find("Traceback (")
        if found > 0:
            yield piece[:found]
            piece = piece[found:]
        yield piece


def _line(number: int, text: str, outer: re.Pattern[str] | None, fenced: bool) -> Line:
    text = text[:TEXT_LIMIT]
    if text.lstrip(" ").startswith(">"):
        text = _QUOTE.sub("", text)
    if outer is not None:
        text = outer.sub("", text, count=1)
    if "%" in text or "it [" in text or "━" in text:
        text = _without_bar(text)
    level, stamped = "", False
    for _ in range(4):
        stripped, found = _without_prefix(text)
        if stripped is text:
            break
        stamped = True
        text, level = stripped, found or level
    if text.endswith(("INFO", "WARNING", "ERROR")) and (tail := _TAIL_MODULE.search(text)):
        text, level = text[: tail.start()], LEVELS.get(tail["level"], "")
    if text.endswith((" - ", "Z")) or text[-4:].strip().isdigit():
        text = _TAIL_STAMP.sub("", text)
    return Line(number, _unboxed(text), level, fenced, stamped)


def _without_bar(text: str) -> str:
    for pattern in (_BAR, _BAR_WITHOUT_TOTAL):
        match = pattern.match(text)
        if match and match.end() < len(text):
            return text[match.end() :]
    return text


def _without_prefix(text: str) -> tuple[str, str]:
    """`text` without one prefix of a logger, and the level in it; `text` itself if it has none."""
    if not text or text[0] not in "[*0123456789ERWICDF":
        return text, ""
    for pattern in _INNER:
        match = pattern.match(text)
        if match and match.end():
            level = match.groupdict().get("level") or ""
            return text[match.end() :], LEVELS.get(level.upper(), "")
    return text, ""


def _unboxed(text: str) -> str:
    """`text` without the frame that rich draws around tracebacks."""
    if not text or text.isascii():
        if "| " in text[:14] or "+ " in text[:14] or "+-+" in text[:14]:
            return _GROUP_SIDE.sub("", text)
        return text
    title = _BOX_TITLE.match(text)
    if title:
        return f"{title[1]}:"
    if _BOX_EDGE.match(text):
        return ""
    side = _BOX_SIDE.match(text)
    return side["inner"] if side else text


_HANGING = re.compile(r"^ {20,40}\S")


def _joined(result: list[Line], line: Line, piece: str) -> bool:
    """Joins a line that rich broke at the console's edge to the record it belongs to."""
    if not _HANGING.match(piece) or not result or line.stamped:
        return False
    last = result[-1]
    text = line.text.strip()
    if not last.stamped or last.number < line.number - 12 or text.startswith(("File ", "❱")):
        return False
    if not last.level and not text:
        return False
    result[-1] = last._replace(text=f"{last.text.rstrip()} {text}"[:TEXT_LIMIT])
    return True
