"""Remembers what was computed from a file, for as long as the file stays the same.

One SQLite file in the user's cache folder. A row is valid while path, size, modification and
change time in nanoseconds and inode are those of the file, and the version of whatever computed it
is the same. The change time tells of a file that was overwritten in place and given its old
modification time back.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from sdops.errors import SdopsError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    kind TEXT, path TEXT, version TEXT, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER,
    inode INTEGER, value TEXT,
    PRIMARY KEY (kind, path)
) WITHOUT ROWID
"""
_SELECT = """
SELECT version, size, mtime_ns, ctime_ns, inode, value FROM files WHERE kind = ? AND path = ?
"""
_INSERT = "REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_BATCH_ROWS = 1000
_BATCH_S = 5.0
"""Rows are written together: at most so many, or those of so many seconds, are lost in a crash."""


class _State(NamedTuple):
    """What a result depends on."""

    version: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class ResultCache:
    """Results of one kind (`scan`, `hash`) by file.

    Args:
        kind: what is remembered.
        version: changes whenever an old result would no longer be right.
        folder: where the SQLite file is; the user's cache folder by default.

    A cache belongs to the thread that made it. One that cannot be opened or written (read-only
    home, full disk, broken file) remembers nothing and says nothing: it only ever saves time.
    """

    def __init__(self, kind: str, version: str, folder: Path | None = None) -> None:
        self._kind = kind
        self._version = version
        self._fresh: dict[str, tuple[_State, str]] = {}
        self._written_at = time.monotonic()
        self._is_empty = False
        self._connection: sqlite3.Connection | None = None
        try:
            where = folder or default_folder()
            where.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(where / "results.sqlite", timeout=5)
            # A lost row costs one more scan; waiting for the disk costs minutes.
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute("PRAGMA journal_mode = TRUNCATE")
            self._connection.execute(_SCHEMA)
            # What former versions kept, without the change time.
            self._connection.execute("DROP TABLE IF EXISTS results")
            any_row = self._connection.execute("SELECT 1 FROM files WHERE kind = ?", (kind,))
            self._is_empty = any_row.fetchone() is None
        except (OSError, SdopsError, sqlite3.Error):
            self._drop()

    def get(self, path: Path | str, status: os.stat_result) -> Any | None:
        """The remembered JSON value for `path`, whose present state is `status`, or None."""
        if self._connection is None or (self._is_empty and not self._fresh):
            return None
        try:
            key = os.path.abspath(path)  # noqa: PTH100  (Path takes five times as long)
            fresh = self._fresh.get(key)
            row = fresh or self._connection.execute(_SELECT, (self._kind, key)).fetchone()
            if row is None:
                return None
            *state, value = (*fresh[0], fresh[1]) if fresh else row
            return json.loads(value) if tuple(state) == self._state(status) else None
        except (sqlite3.Error, ValueError, OSError):
            return None

    def put(self, path: Path | str, status: os.stat_result, value: Any) -> None:
        """Remembers the JSON-able `value` for `path` as it was when `status` was taken."""
        if self._connection is None:
            return
        try:
            key = os.path.abspath(path)  # noqa: PTH100  (Path takes five times as long)
            key.encode()  # SQLite takes no other names
            self._fresh[key] = (self._state(status), json.dumps(value))
        except (ValueError, OSError):
            return
        due = time.monotonic() - self._written_at > _BATCH_S
        if due or len(self._fresh) >= _BATCH_ROWS:
            self._write()

    def _state(self, status: os.stat_result) -> _State:
        return _State(
            self._version, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        )

    def _write(self) -> None:
        """Writes what is new, in one transaction."""
        if self._connection is None or not self._fresh:
            return
        rows = [
            (self._kind, key, *state, value) for key, (state, value) in sorted(self._fresh.items())
        ]
        try:
            with self._connection:
                self._connection.executemany(_INSERT, rows)
        except (sqlite3.Error, OverflowError):
            self._drop()
        self._fresh.clear()
        self._is_empty = False
        self._written_at = time.monotonic()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Writes what is new and closes the file; the cache then remembers nothing."""
        self._write()
        self._drop()

    def __enter__(self) -> ResultCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def default_folder() -> Path:
    """The user's cache folder for sdops (XDG on Linux, the platform's own place elsewhere).

    Raises:
        SdopsError: the platform has no such place (no home folder).
    """
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("sdops", appauthor=False))
    except (OSError, RuntimeError) as error:
        raise SdopsError(f"There is no cache folder: {error}.") from None
