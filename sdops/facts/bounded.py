"""Runs probes side by side, each with its own time limit, so that no probe can hang the doctor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from sdops.facts.probe import Probed, reason
from sdops.facts.types import Gap

T = TypeVar("T")


class Pending(Generic[T]):
    """A probe that runs in a thread of its own; `result` waits for it no longer than its limit.

    The thread is a daemon: one that never ends (a driver call on a sick card) does not keep the
    process alive.
    """

    def __init__(
        self, fact: str, look: Callable[[], Probed[T]], default: T, timeout_s: float
    ) -> None:
        self._fact = fact
        self._answer: Probed[T] = Probed(default)
        self._default = default
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._thread = threading.Thread(target=self._run, args=(look,), daemon=True, name=fact)
        self._thread.start()

    def result(self) -> Probed[T]:
        """What the probe learnt; its default and a gap if it failed or took too long."""
        self._thread.join(max(0.0, self._deadline - time.monotonic()))
        if self._thread.is_alive():
            late = f"no answer within {self._timeout_s:g} s"
            return Probed(self._default, (Gap(self._fact, late),))
        return self._answer

    def _run(self, look: Callable[[], Probed[T]]) -> None:
        try:
            self._answer = look()
        except Exception as error:  # a probe's own fault must not take the doctor down
            self._answer = Probed(self._default, (Gap(self._fact, reason(error)),))
