"""Sends a growing file to the disk while the rest of it is still being made.

The system would keep gigabytes in memory first, and the disk would begin when all else has ended.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor

STEP_BYTES = 128 * 1024 * 1024


class Flusher:
    """Flushes an open file every STEP_BYTES in a thread of its own; use it as a context.

    Raises:
        OSError: at the context's end, if the disk did not take what was written.
    """

    def __init__(self, descriptor: int) -> None:
        """For the file open for writing as `descriptor`."""
        self._descriptor = descriptor
        self._thread = ThreadPoolExecutor(1)
        self._flush: Future[None] | None = None
        self._unflushed = 0

    def __enter__(self) -> Flusher:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown()
        if kind is None:
            self._finish()

    def wrote(self, count: int) -> None:
        """Tells that `count` more bytes were written.

        Raises:
            OSError: the disk did not take what was written before.
        """
        self._unflushed += count
        if self._unflushed < STEP_BYTES or (self._flush and not self._flush.done()):
            return
        self._finish()
        self._unflushed = 0
        self._flush = self._thread.submit(_flush, self._descriptor)

    def _finish(self) -> None:
        # The system reports a failed flush only once, so that it must be asked for here.
        if self._flush is not None:
            self._flush.result()
            self._flush = None


_flush = getattr(os, "fdatasync", os.fsync)
