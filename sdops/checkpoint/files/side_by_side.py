"""Works on many things on several threads, and stops with what is done when it is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Advance = Callable[[int], None]


class _StoppedError(Exception):
    """The user interrupted; what is half done is given up."""


def side_by_side(
    work: Callable[[Item, Advance], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    advance: Advance,
    take: Callable[[Result], None] = lambda _result: None,
) -> tuple[list[Result], bool]:
    """The results of `work` on `items`, in their order, and whether none is missing.

    On Ctrl-C the threads stop at their next report of progress, and the results so far are given.

    Args:
        work: called with an item and with what it must call with each number of bytes done.
        items: what to work on.
        jobs: how many threads.
        advance: called with each number of bytes done, by any thread.
        take: called with each result as it comes, by the calling thread alone.

    Raises:
        Exception: whatever `work` raises first; the others are stopped.
    """
    stopped = threading.Event()

    def go_on(count: int) -> None:
        if stopped.is_set():
            raise _StoppedError
        advance(count)

    with ThreadPoolExecutor(jobs) as threads:
        futures = [threads.submit(work, item, go_on) for item in items]
        left = set(futures)
        try:
            for future in as_completed(futures):
                left.discard(future)
                take(future.result())
        except KeyboardInterrupt:
            _stop(stopped, futures)
            done = [future for future in futures if _is_done(future)]
            for future in left.intersection(done):
                take(future.result())
            return [future.result() for future in done], False
        except BaseException:
            _stop(stopped, futures)
            raise
    return [future.result() for future in futures], True


def _stop(stopped: threading.Event, futures: Sequence[Future[Result]]) -> None:
    stopped.set()
    for future in futures:
        future.cancel()


def _is_done(future: Future[Result]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
