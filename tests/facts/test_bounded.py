"""No probe can hang or break the doctor."""

import threading
import time

from sdops.facts.bounded import Pending
from sdops.facts.probe import Probed
from sdops.facts.types import Gap


def test_a_probe_that_hangs_becomes_a_gap() -> None:
    def hang() -> Probed[str]:
        time.sleep(60)
        return Probed("never")

    begin = time.monotonic()
    answer = Pending("gpu", hang, "default", 0.3).result()
    assert time.monotonic() - begin < 30
    assert answer == Probed("default", (Gap("gpu", "no answer within 0.3 s"),))


def test_a_probe_that_fails_becomes_a_gap() -> None:
    def fail() -> Probed[int]:
        raise ValueError("what")

    assert Pending("host", fail, 7, 5).result() == Probed(7, (Gap("host", "ValueError: what"),))


def test_probes_run_side_by_side() -> None:
    meeting = threading.Barrier(8)

    def waits_for_the_others() -> Probed[bool]:
        meeting.wait(60)
        return Probed(True)

    pending = [Pending(str(n), waits_for_the_others, False, 90) for n in range(8)]
    assert [probe.result() for probe in pending] == [Probed(True)] * 8
