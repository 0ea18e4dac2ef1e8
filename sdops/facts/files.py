"""Reads small files of strangers: regular files only, never more than a limit, never a hang."""

from __future__ import annotations

import errno
import os
import stat
from itertools import islice
from pathlib import Path

from sdops.text import decode

TEXT_LIMIT_BYTES = 1024 * 1024
FOLDER_LIMIT = 20_000

# Opening a FIFO for reading would wait for a writer; O_NONBLOCK makes it return at once.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def home() -> Path:
    """The user's home folder; the root folder for a user without HOME and without an account.

    A container may run as a bare user number.
    """
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.sep)


def read_head(path: str | Path, limit: int = TEXT_LIMIT_BYTES) -> bytes:
    """The first `limit` bytes of the file at `path`.

    Raises:
        OSError: it is missing, not readable, or not a regular file.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def read_text(path: str | Path, limit: int = TEXT_LIMIT_BYTES) -> str:
    """The first `limit` bytes of the file at `path` as text, whichever program wrote it.

    Raises:
        OSError: as `read_head`.
    """
    return decode(read_head(path, limit))


def text_or_empty(path: str | Path, limit: int = TEXT_LIMIT_BYTES) -> str:
    """As `read_text`, but empty where the file cannot be read."""
    try:
        return read_text(path, limit)
    except (OSError, ValueError):  # ValueError: a NUL in a name that a file gave us
        return ""


def is_folder(path: str | Path) -> bool:
    """Whether `path` is a folder, or a link to one; False where that is unknown."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def exists(path: str | Path) -> bool:
    """Whether there is something at `path`; False where that is unknown."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def entries(folder: str | Path) -> list[os.DirEntry[str]]:
    """The entries of `folder`, sorted by name, at most `FOLDER_LIMIT` of them.

    Raises:
        OSError: it is missing, not readable, or not a folder.
    """
    with os.scandir(folder) as scan:
        return sorted(islice(scan, FOLDER_LIMIT), key=lambda entry: entry.name)


def readable_entries(folder: str | Path) -> list[os.DirEntry[str]]:
    """As `entries`, but an empty list where the folder cannot be read."""
    try:
        return entries(folder)
    except (OSError, ValueError):
        return []
