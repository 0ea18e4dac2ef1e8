"""Moves dangerous files out of a model folder; never overwrites and never deletes one."""

from __future__ import annotations

import os
from pathlib import Path

from sdops.errors import SdopsError, UsageError

_MOST_NAMES = 10_000


def check_quarantine(folder: Path, scanned: tuple[str, ...]) -> None:
    """Makes `folder` if it is missing.

    Raises:
        UsageError: it lies inside a scanned folder, or is no folder.
        SdopsError: it cannot be made.
    """
    real = folder.resolve()
    for path in map(Path, scanned):
        if path.is_dir() and real.is_relative_to(path.resolve()):
            raise UsageError(
                f"The quarantine {folder} lies inside {path}.",
                "Choose a folder that no program loads models from.",
            )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SdopsError(f"The quarantine {folder} cannot be made: {error.strerror}.") from None


def quarantine(name: str, status: os.stat_result | None, folder: Path) -> Path:
    """Moves the file `name` into `folder`, as a free name; a link is moved, not what it points at.

    Args:
        name: the file to move.
        status: its state when it was scanned.
        folder: an existing folder.

    Raises:
        SdopsError: it is not the file that was scanned any more, or cannot be moved.
    """
    path = Path(name)
    try:
        now = path.stat()
        if status is None or (now.st_ino, now.st_size, now.st_mtime_ns) != (
            status.st_ino, status.st_size, status.st_mtime_ns):  # fmt: skip
            raise SdopsError(f"{path} changed while it was scanned; it stays where it is.")
        for number in range(_MOST_NAMES):
            target = folder / (f"{path.name}.{number}" if number else path.name)
            if _move(path, target):
                return target
    except OSError as error:
        raise SdopsError(f"{path} cannot be moved: {error.strerror or error}.") from None
    raise SdopsError(f"{path} cannot be moved: {folder} is full of files of that name.")


def _move(path: Path, target: Path) -> bool:
    """Moves `path` to `target` unless something is there already."""
    if path.is_symlink():
        try:
            target.symlink_to(path.resolve())
        except FileExistsError:
            return False
        path.unlink()
        return True
    try:
        os.link(path, target)
    except FileExistsError:
        return False
    except OSError:  # another file system, or one without hard links
        return _copy(path, target)
    path.unlink()
    return True


def _copy(path: Path, target: Path) -> bool:
    import shutil

    try:
        with path.open("rb") as source, target.open("xb") as copy:
            try:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            except BaseException:
                target.unlink()
                raise
    except FileExistsError:
        return False
    path.unlink()
    return True
