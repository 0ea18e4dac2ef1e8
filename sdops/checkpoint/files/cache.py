"""Remembers what was computed from a file, for as long as the file stays the same.

One SQLite file in the user's cache folder. A row is valid while path, size, modification time in
nanoseconds and inode are those of the file, and the version of whatever computed it is the same.
"""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any

from sdops.errors import SdopsError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    kind TEXT, version TEXT, path TEXT, size INTEGER, mtime_ns INTEGER, inode INTEGER, value TEXT,
    PRIMARY KEY (kind, path)
)
"""
_SELECT = """
SELECT value FROM results
WHERE kind = ? AND version = ? AND path = ? AND size = ? AND mtime_ns = ? AND inode = ?
"""


class ResultCache:
    """Results of one kind (`scan`, `hash`) by file.

    Args:
        kind: what is remembered.
        version: changes whenever an old result would no longer be right.
        folder: where the SQLite file is; the user's cache folder by default.

    A cache that cannot be opened or written (read-only home, full disk, broken file) remembers
    nothing and says nothing: it only ever saves time.
    """

    def __init__(self, kind: str, version: str, folder: Path | None = None) -> None:
        self._kind = kind
        self._version = version
        self._connection: sqlite3.Connection | None = None
        try:
            where = folder or default_folder()
            where.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                where / "results.sqlite", timeout=5, check_same_thread=False
            )
            # A lost row costs one more scan; waiting for the disk after each file costs minutes.
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute("PRAGMA journal_mode = TRUNCATE")
            self._connection.execute(_SCHEMA)
        except (OSError, SdopsError, sqlite3.Error):
            self.close()

    def get(self, path: Path | str, status: os.stat_result) -> Any | None:
        """The remembered JSON value for `path`, whose present state is `status`, or None."""
        if self._connection is None:
            return None
        try:
            key = (self._kind, self._version, *_identity(path, status))
            row = self._connection.execute(_SELECT, key).fetchone()
            return None if row is None else json.loads(row[0])
        except (sqlite3.Error, ValueError, OSError):
            return None

    def put(self, path: Path | str, status: os.stat_result, value: Any) -> None:
        """Remembers the JSON-able `value` for `path` as it was when `status` was taken."""
        if self._connection is None:
            return
        try:
            row = (self._kind, self._version, *_identity(path, status), json.dumps(value))
            with self._connection:
                self._connection.execute("REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        except (ValueError, OSError):  # a name that SQLite, or a path that the disk, refuses
            return
        except sqlite3.Error:
            self.close()

    def close(self) -> None:
        """Closes the file; the cache then remembers nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

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


def _identity(path: Path | str, status: os.stat_result) -> tuple[str, int, int, int]:
    return (os.path.realpath(path), status.st_size, status.st_mtime_ns, status.st_ino)
