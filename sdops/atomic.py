"""A file that appears under its name only when it is whole, and never in place of another.

It is written next to its final place under a temporary name, which carries the writer's process
number so that the next run can clear away what a killed one left.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sdops import moving
from sdops.errors import SdopsError, UsageError
from sdops.paths import real

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)\.sdops-partial", re.DOTALL)
_LONG_NAME_BYTES = 200
"""Names may have 255 bytes; a temporary one is longer than that which it stands for."""
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES}
"""How file systems without hard links (exFAT, some network shares) answer."""


class OverwritePolicy:
    """An existing file is refused."""

    def check(self, path: Path) -> None:
        """Refuses early, before any work is done."""
        _refuse_special(path)
        if os.path.lexists(path):
            raise UsageError(f"{path} exists already.", "Choose another name, or give --overwrite.")

    def publish(self, temporary: Path, path: Path) -> None:
        """Gives the finished file its name; refuses if that name was taken meanwhile."""
        try:
            if sys.platform == "win32":
                moving.move(temporary, path)
            else:
                os.link(temporary, path)
        except FileExistsError:
            raise UsageError(f"{path} appeared meanwhile; it was left alone.") from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            self.check(path)
            temporary.rename(path)


class Overwrite(OverwritePolicy):
    """An existing file is replaced in one step, by a finished one."""

    def check(self, path: Path) -> None:
        """Refuses only what is no file."""
        _refuse_special(path)

    def publish(self, temporary: Path, path: Path) -> None:
        """Replaces the old file with the finished one, which gets its permissions."""
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        if mode is not None and sys.platform != "win32":
            temporary.chmod(mode)
        moving.replace(temporary, path)
        if mode is not None and sys.platform == "win32":
            path.chmod(mode)


@contextmanager
def writing(path: Path, overwrite: OverwritePolicy) -> Iterator[BinaryIO]:
    """Opens a temporary file for writing and reading, unbuffered; at the end it becomes `path`.

    If the block raises, or the process ends, nothing appears under `path`.

    Raises:
        UsageError: `path` exists already, and `overwrite` does not allow to replace it.
        SdopsError: the folder cannot be written.
    """
    overwrite.check(path)
    clear_leftovers(path)
    temporary = path.with_name(f".{_tag(path)}.{os.getpid()}.sdops-partial")
    try:
        file = temporary.open("x+b", buffering=0)
    except OSError as error:
        raise SdopsError(f"{path.parent} cannot be written: {error.strerror or error}.") from None
    try:
        with file:
            yield file
            os.fsync(file.fileno())
        overwrite.publish(temporary, path)
        _sync_folder(path.parent)
    finally:
        with suppress(FileNotFoundError):
            moving.remove(temporary)


def write_new(path: Path, content: str | bytes) -> None:
    """Writes `content`, text as UTF-8, to the new file `path`.

    Raises:
        UsageError: it exists already.
        SdopsError: it cannot be written.
    """
    _write(path, content, OverwritePolicy(), "Choose a new file name.")


def replace(path: Path, content: str | bytes) -> None:
    """Writes `content` in place of the file `path`, or of the one that it links to.

    Raises:
        SdopsError: it cannot be written.
    """
    _write(Path(real(path)), content, Overwrite(), "")


def _write(path: Path, content: str | bytes, overwrite: OverwritePolicy, hint: str) -> None:
    data = memoryview(content.encode() if isinstance(content, str) else content)
    try:
        with writing(path, overwrite) as file:
            while data:
                data = data[file.write(data) :]
    except UsageError as error:
        raise UsageError(error.message, hint) from None
    except OSError as error:
        raise SdopsError(f"{path} cannot be written: {moving.refusal(error)}.") from None


def _refuse_special(path: Path) -> None:
    """A folder, a device or a pipe is never replaced."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", "Name a file to write.")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is a device or a pipe.", "Name a file to write.")


def clear_leftovers(path: Path) -> None:
    """Removes temporary files for `path` whose writers are gone."""
    tag = _tag(path)
    leftovers = list(path.parent.glob(f".{glob.escape(tag)}.*.sdops-partial"))
    for entry in leftovers:
        match = _TEMPORARY.fullmatch(entry.name)
        if match and match["name"] == tag:
            with suppress(OSError):
                if not _is_at_work(int(match["pid"]), entry.stat().st_mtime):
                    entry.unlink()


def _tag(path: Path) -> str:
    """What temporary files for `path` are named after: its name, or a digest of a long one."""
    name = os.fsencode(path.name)
    return path.name if len(name) <= _LONG_NAME_BYTES else hashlib.sha256(name).hexdigest()


def _is_at_work(process_id: int, last_written_at: float) -> bool:
    """Whether the process that wrote a file still lives; numbers of processes are used again."""
    import psutil

    try:
        process = psutil.Process(process_id)
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() < last_written_at
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _sync_folder(folder: Path) -> None:
    """Makes the new name itself survive a power cut, where folders can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
