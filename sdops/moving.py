"""Moves, replaces and removes files where that is refused at first, and never leaves two of one.

On Windows a read-only file cannot be removed or replaced, though its folder may be written, and no
file can while another program holds it open: scanners and indexers do so for a moment, a user
interface for as long as it runs. Elsewhere neither matters. (Microsoft, "CreateFileW", dwShareMode;
"DeleteFileW", remarks.)
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

_WAITS_S = (0.05, 0.1, 0.2, 0.4)
_HELD = (32, 33)
"""ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION."""
_DENIED = 5
"""ERROR_ACCESS_DENIED, which replacing a file that is held open answers too."""


def move(path: Path, target: Path) -> None:
    """Gives the file `path` the free name `target`, also on another disk.

    Raises:
        FileExistsError: something is at `target` already.
        OSError: it cannot be moved; then it is where it was, and nothing is at `target`.
    """
    if path.is_symlink():
        target.symlink_to(os.path.realpath(path))
    elif sys.platform == "win32" and _same_disk(path, target):
        _patiently(lambda: path.rename(target))  # refuses a name that is taken, by itself
        return
    else:
        _copy(path, target)
    try:
        remove(path)
    except BaseException:
        remove(target)
        raise


def remove(path: Path) -> None:
    """Removes the file `path`, also a read-only one.

    Raises:
        OSError: it cannot be removed, and is as it was.
    """
    _writable(path, lambda: _patiently(path.unlink))


def replace(path: Path, target: Path) -> None:
    """Puts `path` in the place of the file `target`, also of a read-only one, in one step.

    Raises:
        OSError: it cannot be done, and both are as they were.
    """
    _writable(target, lambda: _patiently(lambda: path.replace(target)))


def refusal(error: OSError) -> str:
    """Why a file could not be moved or removed, for people."""
    if getattr(error, "winerror", None) in _HELD:
        return "another program has it open; close that program and try again"
    if getattr(error, "winerror", None) == _DENIED:
        return "access denied: its folder is protected, or another program has it open"
    return error.strerror or str(error)


def _copy(path: Path, target: Path) -> None:
    """A second name for the file, or a second file with the same content."""
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without hard links
        with path.open("rb") as source, target.open("xb") as copy:
            try:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            except BaseException:
                copy.close()
                target.unlink()
                raise


def _same_disk(path: Path, target: Path) -> bool:
    return path.stat().st_dev == target.parent.stat().st_dev


def _writable(path: Path, work: Callable[[], object]) -> None:
    """Does `work` while Windows' read-only mark is off `path`; it comes back if `work` fails."""
    mode = path.lstat().st_mode if sys.platform == "win32" and os.path.lexists(path) else None
    if mode is None or mode & stat.S_IWRITE or stat.S_ISLNK(mode):
        work()
        return
    path.chmod(mode | stat.S_IWRITE)
    try:
        work()
    except BaseException:
        path.chmod(mode)
        raise


def _patiently(work: Callable[[], object]) -> None:
    """Tries again for a second what Windows refuses because somebody else looks at the file."""
    for wait_s in _WAITS_S if sys.platform == "win32" else ():
        try:
            work()
            return
        except PermissionError:  # noqa: PERF203
            time.sleep(wait_s)
    work()
