"""Shows on stderr that long work goes on: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FIRST_LINE_S, LINE_EVERY_S = 20.0, 30.0
"""Short work says nothing in a pipe or a log, long work twice a minute."""


@contextmanager
def working(text: str, *, quiet: bool) -> Iterator[None]:
    """Shows `text` while the block runs: a spinner, or a line if it runs for long."""
    if quiet:
        yield
        return
    if not sys.stderr.isatty():
        line = threading.Timer(FIRST_LINE_S, _line, (text,))
        line.daemon = True
        line.start()
        try:
            yield
        finally:
            line.cancel()
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(text)):
        yield


@contextmanager
def byte_progress(
    text: str, total_bytes: int, files: int | None = None, *, quiet: bool
) -> Iterator[Callable[[int], None]]:
    """A bar over `total_bytes`; gives the function to call with each number of bytes done.

    With a number of `files`, it counts them too: the function is then called once for each.
    """
    if quiet:
        yield lambda _count: None
        return
    if not sys.stderr.isatty():
        yield _Lines(text, total_bytes, files).advance
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    counted = "" if files is None else f" {{task.fields[done]}} of {files} files"
    shown = "{task.description}" + counted
    with Progress(shown, *columns, console=console, transient=True) as progress:
        task = progress.add_task(text, total=total_bytes, done=0)
        done = itertools.count(1)
        yield lambda count: progress.update(task, advance=count, done=next(done))


class _Lines:
    """How far the work is, in lines that a log can hold."""

    def __init__(self, text: str, total_bytes: int, files: int | None) -> None:
        self._text, self._total, self._files = text, total_bytes, files
        self._bytes = self._calls = 0
        self._due = time.monotonic() + FIRST_LINE_S
        self._lock = threading.Lock()

    def advance(self, count: int) -> None:
        """Counts `count` bytes more, from any thread; writes a line if one is due."""
        with self._lock:
            self._bytes += count
            self._calls += 1
            if time.monotonic() < self._due:
                return
            self._due = time.monotonic() + LINE_EVERY_S
            _line(f"{self._text}: {self._so_far}")

    @property
    def _so_far(self) -> str:
        from sdops.report.sizes import readable_size

        share = min(99, 100 * self._bytes // self._total) if self._total else 0
        sizes = f"{share}% ({readable_size(self._bytes)} of {readable_size(self._total)})"
        return sizes if self._files is None else f"{sizes}, {self._calls} of {self._files} files"


def _line(text: str) -> None:
    from sdops.cli.answer import note

    note(text)
