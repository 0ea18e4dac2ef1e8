"""Every way of copying puts the bytes where they belong, whatever other threads copy meanwhile."""

import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sdops.checkpoint.write import copying

RANGES, RANGE_BYTES, SHIFT = 4000, 4001, 13


@pytest.mark.parametrize("way", copying.WAYS)
def test_threads_that_copy_side_by_side_do_not_disturb_one_another(
    tmp_path: Path, way: copying.Way
) -> None:
    content = random.Random(0).randbytes(SHIFT + RANGES * RANGE_BYTES)
    (tmp_path / "source").write_bytes(content)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    source, target = (os.open(tmp_path / name, flags) for name in ("source", "target"))

    def copy(number: int) -> int:
        start = number * RANGE_BYTES
        return way(source, SHIFT + start, target, start, RANGE_BYTES)

    with ThreadPoolExecutor(4) as threads:
        copied = sum(threads.map(copy, range(RANGES)))
    os.close(source)
    os.close(target)
    if copied == 0:
        assert way is not copying.WAYS[-1]
        pytest.skip(f"{sys.platform} or this file system does not copy so")
    assert (tmp_path / "target").read_bytes() == content[SHIFT:]
