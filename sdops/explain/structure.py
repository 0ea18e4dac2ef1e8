"""Cuts a log into units: exceptions with their frames, and the records between them.

A unit knows its run (from one start of the program to the next), the block it belongs to, what was
going on (stage), and which program printed it (section). Lines that prove nothing are left out:
source lines under frames, command lines, dumps of settings, advice and what people wrote around
the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sdops.explain.clean import Line
from sdops.knowledge.log_marks import mark, marks, progress


class Frame(NamedTuple):
    """One frame of a traceback."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What is matched as one: an exception with its text, or one record."""

    line: int
    """Where its text begins in the file, from 1."""
    text: str
    """An exception with its type, and the lines that continue it, joined by newlines."""
    lines: tuple[int, ...]
    """The number of each line of `text`."""
    kind: str = "record"
    """`exception` or `record`."""
    level: str = ""
    section: str = ""
    """`pip`, `git`, `compiler` or empty."""
    stage: str = ""
    run: int = 0
    block: int = 0
    """Exceptions of one chain share it, and records that stand together."""
    frames: tuple[Frame, ...] = ()
    fenced: bool = False
    harmless: bool = False
    """Python itself says that it ignored it."""

    @property
    def exception(self) -> str:
        """The exception's type, or empty."""
        return self.text.split(":", 1)[0].split("\n", 1)[0].strip() if self.frames_or_type else ""

    @property
    def frames_or_type(self) -> bool:
        """Whether this is an exception."""
        return self.kind == "exception"


_FRAME = re.compile(
    r'^\s{0,60}File "(?P<file>[^"\n]{1,500})", line (?P<line>\d{1,7})'
    r"(?:,? in (?P<function>[^\n]{1,200}))?$"
)
_RICH_FRAME = re.compile(
    r"^\s{0,8}(?P<file>(?:/|[A-Za-z]:[\\/]|<)[^:*?\"|\n]{0,400}?(?:\.pyx?|>)):(?P<line>\d{1,7})"
    r"(?: in (?P<function>\S{1,120}))?\s*$"
)
_PATH_START = re.compile(r"^\s{0,8}(?:/|[A-Za-z]:[\\/])[^:*?\"|\n]{20,400}$")
_RICH_SOURCE = re.compile(
    r"^\s{0,12}(?:❱|>)?\s{0,8}\d{1,6} [│┃|]|^\s{0,6}(?:❱|│)|^\s*\.{3} \d+ frames hidden"
)
_HEAD = re.compile(r"Traceback \(most recent call last\)\s*:?\s*$")
_CRASH_HEAD = re.compile(
    r"^(?P<text>(?:Windows fatal exception|Fatal Python error): .{1,200})$", re.IGNORECASE
)
_MARK = re.compile(
    r"^\s*[~^│┃ ]{1,300}$|^\s*\[Previous line repeated|^\s*<?\.\.\. ?\d* ?(?:lines|$)"
)
_CHAIN = re.compile(
    r"^\s*(?:The above exception was the direct cause of|During handling of the above exception)"
)
_ENDING = (
    r"(?:Error|Exception|Interrupt|Exit|Failure|Fault|Missing|Refused|Reset|Timeout|Unavailable"
    r"|NotFound|Mismatch|Abort|Canceled|Cancelled|Iteration|Group|Unsupported|Violation)"
)
_EXCEPTION = re.compile(
    rf"^\s{{0,40}}(?P<type>(?:[A-Za-z_]\w{{0,60}}\.){{0,8}}[A-Za-z_]\w{{0,60}}?{_ENDING}\w{{0,20}})(?::\s?(?P<message>.*))?$"
)
_ANY_EXCEPTION = re.compile(
    r"^\s{0,40}(?P<type>(?:[A-Za-z_]\w{0,60}\.){0,8}[A-Z]\w{1,60}|(?:[a-z_]\w{0,60}\.){1,8}\w{1,60})(?::\s?(?P<message>.*))?$"
)
_NOT_AN_EXCEPTION = re.compile(
    r"^\s*(?:Warning|UserWarning|FutureWarning|DeprecationWarning|RuntimeWarning|Error|Exception"
    r"|ERROR|Note|NOTE|Hint|INFO|WARNING|Press|Python|Version|Command|Loading|Total|Device"
    r"|SyntaxWarning|ImportWarning|ResourceWarning)\s*(?::|$)"
)
_IGNORED = re.compile(r"^Exception ignored in|^Exception ignored on")

_HEADING = re.compile(r"^#{1,6} ")
_PROSE = re.compile(r"^(?:- \[[ xX]\] |!\[|<img |<details|</?\w+>|\*\*[A-Z])")

_SECTION_LINES = 40
_MUTED, _BANNER, _PAUSED = mark("muted"), mark("banner"), mark("paused")


def structure(lines: Sequence[Line]) -> tuple[Unit, ...]:
    """The units of a log, in order."""
    return tuple(_Reader(lines).units())


class _Reader:
    """Goes through the lines once."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._at = 0
        self._run = self._block = 0
        self._since_banner = 0
        self._failed = False
        self._stage = ""
        self._section, self._section_left = "", 0
        self._report = ""
        self._skipping = False

    def units(self) -> Iterator[Unit]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            text = line.text
            if (_HEADING.match(text) and not line.fenced and self._heading(text)) or self._skipping:
                self._at += 1
            elif self._is_head(text) or _FRAME.match(text):
                yield from self._chain()
            elif (crash := _CRASH_HEAD.match(text)) is not None:
                yield self._crash(line, crash["text"])
            else:
                unit = self._record(line)
                if unit is not None:
                    yield unit

    def _heading(self, text: str) -> bool:
        """A heading of ComfyUI's report or of an issue's form; its workflow is passed over."""
        title = text.strip("# ").lower()
        self._skipping = title.startswith("attached workflow")
        self._report = title
        return not title.startswith("!")

    @staticmethod
    def _is_head(text: str) -> bool:
        return "Traceback (" in text and _HEAD.search(text) is not None

    def _chain(self) -> Iterator[Unit]:
        """Tracebacks that belong together; the innermost exception comes first."""
        self._block += 1
        ignored = self._at > 0 and bool(_IGNORED.match(self._lines[self._at - 1].text))
        while True:
            unit = self._traceback(ignored)
            if unit is not None:
                self._failed = True
                yield unit
            after = self._skip_blank(self._at)
            if after < len(self._lines) and _CHAIN.match(self._lines[after].text):
                after = self._skip_blank(after + 1)
                if after < len(self._lines) and self._is_head(self._lines[after].text):
                    self._at = after
                    continue
            break
        self._block += 1

    def _skip_blank(self, at: int) -> int:
        while at < len(self._lines) and not self._lines[at].text.strip():
            at += 1
        return at

    def _traceback(self, ignored: bool) -> Unit | None:
        frames: list[Frame] = []
        if self._is_head(self._lines[self._at].text):
            self._at += 1
        reported = self._report == "stack trace"
        sourced = True
        indent = 0
        while self._at < len(self._lines):
            line = self._lines[self._at]
            text = line.text
            frame = _FRAME.match(text) or _RICH_FRAME.match(text) or self._broken_frame()
            if frame is not None:
                frames.append(Frame(frame["file"], int(frame["line"]), frame["function"] or ""))
                sourced, indent = False, _indent(text)
            elif self._is_head(text):
                return None if frames else self._traceback(ignored)
            elif _CHAIN.match(text):
                return None
            elif not text.strip() or _MARK.match(text) or _RICH_SOURCE.match(text):
                pass
            elif reported and (_HEADING.match(text) or not frames):
                return None
            elif not sourced and not self._ends(text, indent, sourced):
                sourced = True
            elif self._ends(text, indent, sourced):
                return self._exception(line, tuple(frames), ignored)
            elif line.stamped and not _indent(text):
                return None
            elif not _indent(text) and frames and not self._frame_follows():
                return None  # the traceback was cut off, and something else goes on
            self._at += 1
        return None

    def _broken_frame(self) -> re.Match[str] | None:
        """A frame's path that rich broke at the edge of its box."""
        text = self._lines[self._at].text
        if not _PATH_START.match(text) or self._at + 1 >= len(self._lines):
            return None
        follow = self._lines[self._at + 1].text.strip()
        frame = _RICH_FRAME.match(f"{text.strip()}{follow}") if follow else None
        if frame is not None:
            self._at += 1
        return frame

    def _frame_follows(self) -> bool:
        ahead = self._lines[self._at + 1 : self._at + 4]
        return any(_FRAME.match(line.text) or _EXCEPTION.match(line.text) for line in ahead)

    @staticmethod
    def _ends(text: str, frame_indent: int, sourced: bool) -> bool:
        """Whether `text`, after frames, is the exception."""
        if _NOT_AN_EXCEPTION.match(text) and not text.startswith(
            ("Error:", "Exception:", "Exception")
        ):
            return False
        own = _indent(text)
        if _EXCEPTION.match(text):
            return own < frame_indent or (own == frame_indent and sourced) or own == 0
        if own >= frame_indent and frame_indent > 0:
            return False
        return sourced and _ANY_EXCEPTION.match(text) is not None

    def _exception(self, line: Line, frames: tuple[Frame, ...], ignored: bool) -> Unit:
        texts, numbers = [line.text.strip()], [line.number]
        self._at += 1
        while self._at < len(self._lines) and len(texts) < 30:
            follow = self._lines[self._at]
            bare = follow.text.strip()
            ends = not bare and (len(texts) > 1 or not texts[0].endswith(":"))
            apart = follow.stamped or follow.level
            within = line.stamped and (_indent(follow.text) or texts[-1].endswith(":"))
            if ends or (apart and not within) or self._is_head(follow.text):
                break
            if _EXCEPTION.match(follow.text) and not _indent(follow.text):
                break
            if _FRAME.match(follow.text) or _CHAIN.match(follow.text) or _BANNER.match(follow.text):
                break
            if bare and progress(bare):
                break
            if bare and not _MUTED.match(follow.text):
                texts.append(bare)
                numbers.append(follow.number)
            self._at += 1
        return self._unit(
            line,
            "\n".join(texts),
            tuple(numbers),
            kind="exception",
            frames=frames,
            harmless=ignored,
            **({"stage": stage} if (stage := _place(frames)) else {}),
        )

    def _crash(self, line: Line, text: str) -> Unit:
        """A stack that the interpreter prints as it dies: the innermost frame comes first."""
        self._block += 1
        self._failed = True
        frames: list[Frame] = []
        self._at += 1
        while self._at < len(self._lines):
            inner = self._lines[self._at].text
            frame = _FRAME.match(inner)
            if frame is not None:
                frames.append(Frame(frame["file"], int(frame["line"]), frame["function"] or ""))
            elif (
                inner.strip() and not re.match(r"^\s*(?:Current thread|Thread 0x|Stack \()", inner)
            ) or (re.match(r"^\s*Thread 0x", inner) and frames):
                break
            self._at += 1
        frames.reverse()
        return self._unit(
            line, text, (line.number,), kind="exception", frames=tuple(frames),
            stage=_place(tuple(frames)) or self._stage,
        )  # fmt: skip

    def _record(self, line: Line) -> Unit | None:
        self._at += 1
        text = line.text.strip()
        self._since_banner += 1
        if not text:
            self._block += 1
            return None
        self._follow(text)
        if self._report in ("error details", "stack trace") and not line.fenced:
            reported = self._reported(line, text)
            if reported is not None:
                return reported
        if _MUTED.match(line.text) or _PROSE.match(line.text) or _RICH_SOURCE.match(line.text):
            return None
        match = _EXCEPTION.match(text)
        is_exception = match is not None and not _NOT_AN_EXCEPTION.match(text)
        if is_exception and match is not None and match["message"] is None:
            is_exception = "." in match["type"] or text.endswith("Error")
        if is_exception:
            self._failed = True
            self._at -= 1
            return self._exception(line, (), ignored=False)
        return self._unit(line, text, (line.number,))

    def _reported(self, line: Line, text: str) -> Unit | None:
        """The exception as ComfyUI's report writes it: type and message in two items of a list."""
        if text.startswith("- **Exception Type:**"):
            self._reported_type = text.split("**", 2)[2].strip().strip("`")
            return None
        if text.startswith("- **Exception Message:**"):
            texts, numbers = [text.split("**", 2)[2].strip().strip("`")], [line.number]
            while self._at < len(self._lines):
                follow = self._lines[self._at]
                if _HEADING.match(follow.text) or len(texts) > 30:
                    break
                if follow.text.strip():
                    texts.append(follow.text.strip().strip("`"))
                    numbers.append(follow.number)
                self._at += 1
            texts[0] = f"{self._reported_type}: {texts[0]}"
            self._block += 1
            return self._unit(
                line._replace(fenced=True), "\n".join(texts), tuple(numbers), kind="exception",
                frames=self._frames_ahead(), stage="generate",
            )  # fmt: skip
        return None

    _reported_type = "Exception"

    def _frames_ahead(self) -> tuple[Frame, ...]:
        """The frames under the report's next heading."""
        frames = []
        for line in self._lines[self._at : self._at + 400]:
            frame = _FRAME.match(line.text)
            if frame is not None:
                frames.append(Frame(frame["file"], int(frame["line"]), frame["function"] or ""))
            elif frames and _HEADING.match(line.text):
                break
        return tuple(frames)

    def _follow(self, text: str) -> None:
        """Keeps up with runs, stages and sections."""
        seen = progress(text)
        if "banner" in seen:
            if self._since_banner > 30 and (self._failed or self._since_banner > 60):
                self._run += 1
                self._block += 1
                self._failed, self._stage = False, "launch"
            self._since_banner = 0
        elif "paused" in seen:
            self._since_banner = 10_000
            self._failed = True
        self._stage = seen.get("stage", self._stage)
        if "section" in seen:
            self._section, self._section_left = seen["section"], _SECTION_LINES
            return
        self._section_left -= 1
        if self._section_left <= 0:
            self._section = ""

    def _unit(self, line: Line, text: str, lines: tuple[int, ...], **rest: object) -> Unit:
        rest.setdefault("section", self._section)
        rest.setdefault("stage", "install" if rest["section"] in ("pip", "git") else self._stage)
        return Unit(
            line=lines[0], text=text, lines=lines, level=line.level, run=self._run,
            block=self._block, fenced=line.fenced, **rest,  # type: ignore[arg-type]
        )  # fmt: skip


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _place(frames: tuple[Frame, ...]) -> str:
    """What was going on, by the innermost frame that shows it."""
    for frame in reversed(frames):
        where = f"{frame.file}|{frame.function}"
        for stage, pattern in marks("place"):
            if pattern.search(where):
                return stage
    return ""


def paused(lines: Sequence[Line]) -> bool:
    """Whether the log ends with the console waiting for a key, so the program is gone."""
    last = [line.text for line in lines[-12:] if line.text.strip()]
    return any(_PAUSED.search(text) and not text.startswith("^C") for text in last[-3:])
