from __future__ import annotations

import pytest

from sdops.knowledge.units import GIB, MIB, duration, size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (134, "134 bytes"),
        (64 * MIB, "64 MiB"),
        (3 * GIB, "3 GiB"),
        (int(3.25 * GIB), "3.2 GiB"),
        (24 * GIB - 1, "24 GiB"),
    ],
)
def test_size(number, text):
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 seconds"), (59, "59 seconds"), (60, "1 minute"), (7200, "2 hours"), (86400, "1 day")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
