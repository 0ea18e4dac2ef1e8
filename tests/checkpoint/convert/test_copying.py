"""Every way of copying puts the bytes where they belong, whatever other threads copy meanwhile."""

import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sdops.checkpoint.write import copying
from sdops.errors import UnreadableInputError

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


@pytest.mark.parametrize("way", copying.WAYS, ids=lambda way: way.__name__)
def test_every_way_of_copying_copies_the_same(tmp_path: Path, way: copying.Way) -> None:
    data = os.urandom(copying.BUFFER_BYTES * 2 + 12345)
    (tmp_path / "from").write_bytes(data)
    (tmp_path / "to").write_bytes(bytes(100))
    with (tmp_path / "from").open("rb") as source, (tmp_path / "to").open("r+b") as target:
        count = len(data) - 777
        done = way(source.fileno(), 700, target.fileno(), 50, count)
        assert done in (0, count), "a way that does not work here does nothing"
        if done:
            target.flush()
            assert (tmp_path / "to").read_bytes()[50 : 50 + count] == data[700 : 700 + count]
        assert way(source.fileno(), len(data) - 5, target.fileno(), 0, 100) <= 5


def test_a_source_that_ends_early_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "from").write_bytes(b"short")
    with (
        (tmp_path / "from").open("rb") as source,
        (tmp_path / "to").open("wb") as target,
        pytest.raises(UnreadableInputError, match="became shorter"),
    ):
        copying.copy_range(source.fileno(), 0, target.fileno(), 0, 10)
