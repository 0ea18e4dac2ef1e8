"""A new file of a size that is known before: its room is made sure of, and claimed at once."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sdops.atomic import OverwritePolicy, clear_leftovers, writing
from sdops.errors import SdopsError
from sdops.report.sizes import readable_size

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)
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
    with writing(path, overwrite) as file:
        _reserve(file, path, size_bytes)
        yield file


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
