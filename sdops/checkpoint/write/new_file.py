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
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sdops.errors import SdopsError, UsageError
from sdops.report.sizes import readable_size

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)\.sdops-partial", re.DOTALL)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)
_LONG_NAME_BYTES = 200
"""Names may have 255 bytes; a temporary one is longer than that which it stands for."""
_RESERVE_BYTES = 1024 * 1024
"""What a file system needs besides the content: its own tables."""


@contextmanager
def new_file(path: Path, size_bytes: int, overwrite: OverwritePolicy) -> Iterator[BinaryIO]:
    """Opens a temporary file of `size_bytes` for writing; at the end it becomes `path`.

    If the block raises, or the process ends, nothing appears under `path`.

    Raises:
        UsageError: `path` exists already, and `overwrite` does not allow to replace it.
        SdopsError: there is no room, or the folder cannot be written.
    """
    overwrite.check(path)
    clear_leftovers(path)
    require_room(path, size_bytes)
    temporary = path.with_name(f".{_tag(path)}.{os.getpid()}.sdops-partial")
    try:
        file = temporary.open("x+b", buffering=0)
    except OSError as error:
        raise SdopsError(f"{path.parent} cannot be written: {error.strerror or error}.") from None
    try:
        with file:
            _reserve(file, path, size_bytes)
            yield file
            os.fsync(file.fileno())
        overwrite.publish(temporary, path)
        _sync_folder(path.parent)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


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
            os.link(temporary, path)
        except FileExistsError:
            raise UsageError(f"{path} appeared meanwhile; it was left alone.") from None
        except OSError:  # a file system without hard links: exFAT, some network shares
            self.check(path)
            temporary.rename(path)


class Overwrite(OverwritePolicy):
    """An existing file is replaced in one step, by a finished one."""

    def check(self, path: Path) -> None:
        """Refuses only what is no file."""
        _refuse_special(path)

    def publish(self, temporary: Path, path: Path) -> None:
        """Replaces the old file with the finished one."""
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)


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


def require_room(path: Path, size_bytes: int) -> None:
    """Makes sure that the disk of `path` has room for `size_bytes`.

    Raises:
        SdopsError: it has not, saying how much is missing; or the folder does not exist.
    """
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise SdopsError(f"{path.parent} cannot be used: {error.strerror or error}.") from None
    if size_bytes + _RESERVE_BYTES > free:
        missing = size_bytes + _RESERVE_BYTES - free
        raise SdopsError(
            f"There is no room for {path.name}: {readable_size(size_bytes)} are needed and"
            f" {readable_size(missing)} are missing on the disk of {path.parent}.",
            "Free some space, or write to another disk.",
        )


def _reserve(file: BinaryIO, path: Path, size_bytes: int) -> None:
    """Claims the space now, so that a disk that fills up meanwhile cannot stop us half-way."""
    if size_bytes == 0 or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size_bytes)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise SdopsError(
                f"There is no room for {path.name} on the disk of {path.parent}."
            ) from None
        # Some file systems cannot reserve; then writing finds out.


def _sync_folder(folder: Path) -> None:
    """Makes the new name itself survive a power cut, where folders can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
