"""Shows on stderr that long work goes on; silent in a pipe and with --quiet."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def working(text: str, *, quiet: bool) -> Iterator[None]:
    """A spinner with `text` while the block runs, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield
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
    if quiet or not sys.stderr.isatty():
        yield lambda _count: None
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
