"""Gives a command's answer: renders the report, prints or saves it, exits with its code."""

from __future__ import annotations

import os
import sys
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
FORMATS = ("rich", "json", "markdown")
CI_FORMATS = (*FORMATS, "junit", "github")
"""Of commands whose verdict is a test's."""


class Answer(NamedTuple):
    """How the user wants the answer: the shared options of one command line."""

    format_name: str
    output: Path | None
    fail_on: Severity | None
    quiet: bool

    @classmethod
    def of(
        cls,
        format_name: str | None,
        json: bool,
        output: Path | None,
        fail_on: str,
        quiet: bool,
        *,
        formats: tuple[str, ...] = FORMATS,
    ) -> Answer:
        """Reads the shared options.

        Raises:
            UsageError: a value that does not exist, or options that contradict one another.
        """
        if json and format_name not in (None, "json"):
            raise UsageError(f"--json contradicts --format {format_name}.", "Give one of them.")
        chosen = "json" if json else format_name or "rich"
        if chosen not in formats:
            raise UsageError(
                f"This command has no output format {chosen!r}.",
                f"Choose one of {', '.join(formats)}.",
            )
        if output is not None and output.exists():
            raise UsageError(f"{output} exists already.", "Choose a new file name for --output.")
        return cls(chosen, output, _severity(fail_on), quiet)

    def give(self, report: Report) -> NoReturn:
        """Prints or saves `report`, then exits with its code."""
        from sdops.report import render

        report = report._replace(fail_on=self.fail_on)
        to_terminal = self.output is None and sys.stdout.isatty()
        width = _terminal_width() if to_terminal else 100
        text = render(report, self.format_name, color=to_terminal and wants_color(), width=width)
        if self.output is None:
            write_stdout(text)
        else:
            _save(self.output, text)
        raise SystemExit(int(report.exit_code))


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


def wants_color() -> bool:
    """Whether the environment allows color (https://no-color.org, TERM=dumb)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_stdout(text: str) -> None:
    """Writes `text` to stdout.

    Raises:
        SdopsError: it cannot be written, for lack of room for instance.
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
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.touch(exist_ok=False)  # claims the name, also where there are no hard links
        partial.replace(path)
    except OSError as error:
        raise SdopsError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        partial.unlink(missing_ok=True)
