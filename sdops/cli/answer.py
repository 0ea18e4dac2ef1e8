"""Gives a command's answer: renders the report, prints and saves it, exits with its code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TextIO

from sdops.errors import SdopsError, UsageError
from sdops.finding import Report, Severity

if TYPE_CHECKING:
    from pathlib import Path

PLAINER = str.maketrans(
    {"→": "->", "“": '"', "”": '"', "’": "'", "…": "...", "×": "x", "–": "-", "°": " degrees "}
)
"""What stands for our own characters in an old encoding."""

NOTE_LENGTH = 20_000


class Private(NamedTuple):
    """An answer that names the user's own paths here, and not in what may be passed on."""

    here: Callable[[], Report]
    """For the user's own terminal: with real paths, so that commands are ready to paste."""
    abroad: Callable[[], Report]
    """For files and machine formats: without names, tokens and home paths."""


Told = Report | Private


class Answer(NamedTuple):
    """How the user wants the answer: the shared options of one command line."""

    format_name: str = "rich"
    output: Path | None = None
    saves: tuple[tuple[str, Path], ...] = ()
    """Further formats of the same answer, each with its file."""
    fail_on: Severity | None = Severity.ERROR
    exit_zero: bool = False
    only: tuple[str, ...] = ()
    """Ids of findings; empty for all."""
    ignored: tuple[str, ...] = ()
    quiet: bool = False

    @classmethod
    def of(
        cls,
        *,
        format_name: str | None,
        json: bool,
        output: Path | None,
        save_report: list[Path] | None,
        fail_on: str,
        exit_zero: bool,
        only: list[str] | None,
        ignore: list[str] | None,
        quiet: bool,
    ) -> Answer:
        """Reads the shared options.

        Raises:
            UsageError: a value that does not exist, or options that contradict one another.
        """
        from sdops.report import require_format, suffix_format

        if json and format_name not in (None, "json"):
            raise UsageError(f"--json contradicts --format {format_name}.", "Give one of them.")
        chosen = "json" if json else format_name or "rich"
        require_format(chosen)
        saves = tuple((suffix_format(path), path) for path in save_report or ())
        written = [path for path in (output, *(path for _, path in saves)) if path is not None]
        for path in written:
            _refuse_unwritable(path)
        if len(set(written)) < len(written):
            raise UsageError("One file cannot hold two reports.", "Give each its own name.")
        return cls(
            chosen, output, saves, _severity(fail_on), exit_zero, _ids(only), _ids(ignore), quiet
        )

    def give(self, told: Told) -> NoReturn:
        """Prints or saves the answer, then exits with its code."""
        from sdops.report import render

        to_terminal = self.output is None and sys.stdout.isatty()
        width = _terminal_width() if to_terminal else 100
        own = self.output is None and self.format_name == "rich"
        report = self._chosen(told, own=own)
        text = render(report, self.format_name, color=to_terminal and wants_color(), width=width)
        for format_name, path in self.saves:
            _save(path, render(self._chosen(told, own=False), format_name))
        if self.output is None:
            write_stdout(text)
        else:
            _save(self.output, text)
        raise SystemExit(0 if self.exit_zero else int(report.exit_code))

    def _chosen(self, told: Told, *, own: bool) -> Report:
        """The report with the findings that the user wants to see."""
        report = told if isinstance(told, Report) else told.here() if own else told.abroad()
        left_out = {
            finding.rule
            for finding in report.findings
            if finding.rule in self.ignored or (self.only and finding.rule not in self.only)
        }
        kept = tuple(finding for finding in report.findings if finding.rule not in left_out)
        reasons = dict.fromkeys(sorted(left_out & {*self.ignored}), "left out with --ignore")
        return report._replace(
            findings=kept, skipped={**report.skipped, **reasons}, fail_on=self.fail_on
        )


def _ids(words: Iterable[str] | None) -> tuple[str, ...]:
    """`--only a,b --only c` as three ids.

    Raises:
        UsageError: there is no such rule.
    """
    ids = tuple(part.strip() for word in words or () for part in word.split(",") if part.strip())
    if ids:
        from sdops.rules import find

        for rule_id in ids:
            find(rule_id)
    return ids


def _refuse_unwritable(path: Path) -> None:
    """Refuses, before long work, what could not be written after it."""
    if path.exists():
        raise UsageError(f"{path} exists already.", "Choose a new file name.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent} to write into.", "Make it first.")


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


def wants_color() -> bool:
    """Whether the environment allows color (https://no-color.org, TERM=dumb)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_stdout(text: str) -> None:
    """Writes `text` to stdout.

    Raises:
        SdopsError: it cannot be written, when there is no room, for instance.
    """
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SdopsError(f"The answer cannot be written: {error.strerror or error}.") from None


def note(text: str) -> None:
    """Writes talk to stderr; text from outside in it obeys nobody."""
    from sdops.report.plain import guard_commands, neutralize

    _write(sys.stderr, guard_commands(neutralize(text, NOTE_LENGTH)) + "\n")


def _write(stream: TextIO, text: str) -> None:
    """Writes `text` plainer where the stream's encoding lacks a character, or as its escape."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plainer = text.translate(PLAINER)
        text = plainer.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(text)
    stream.flush()


def _severity(word: str) -> Severity | None:
    if word == "never":
        return None
    try:
        return Severity.of(word)
    except KeyError:
        raise UsageError(
            f"There is no severity {word!r}.",
            "--fail-on takes info, warning, error, critical or never.",
        ) from None


def _save(path: Path, text: str) -> None:
    from sdops.atomic import write_new

    write_new(path, text)
