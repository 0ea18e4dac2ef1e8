"""The result cache remembers only what is still true, and never gets in the way."""

import os
import stat
from pathlib import Path

from sdops.checkpoint.files.cache import ResultCache


def test_a_result_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "model.ckpt"
    file.write_bytes(b"one")
    with ResultCache("hash", "1", tmp_path / "cache") as cache:
        cache.put(file, file.stat(), {"sha256": "x"})
    with ResultCache("hash", "1", tmp_path / "cache") as cache:
        assert cache.get(file, file.stat()) == {"sha256": "x"}
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
        assert cache.get(file, file.stat()) is None


def test_another_version_or_kind_knows_nothing(tmp_path: Path) -> None:
    file = tmp_path / "model.ckpt"
    file.write_bytes(b"one")
    with ResultCache("hash", "1", tmp_path) as cache:
        cache.put(file, file.stat(), 1)
    assert ResultCache("hash", "2", tmp_path).get(file, file.stat()) is None
    assert ResultCache("scan", "1", tmp_path).get(file, file.stat()) is None


def test_a_replaced_file_of_the_same_size_and_time_is_not_trusted(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    file.write_bytes(b"one")
    other.write_bytes(b"two")
    with ResultCache("hash", "1", tmp_path / "cache") as cache:
        before = file.stat()
        cache.put(file, before, 1)
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(file)
        assert cache.get(file, file.stat()) is None


def test_a_broken_cache_file_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").write_bytes(b"not sqlite at all" * 100)
    file = tmp_path / "model.ckpt"
    file.write_bytes(b"one")
    with ResultCache("hash", "1", tmp_path) as cache:
        cache.put(file, file.stat(), 1)
        assert cache.get(file, file.stat()) is None


def test_a_folder_that_cannot_be_made_is_no_fault(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("x")
    blocker.chmod(stat.S_IRUSR)
    with ResultCache("hash", "1", blocker / "cache") as cache:
        assert cache.get(blocker, blocker.stat()) is None
