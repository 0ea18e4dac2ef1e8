"""Moves dangerous files out of a model folder; never overwrites and never deletes one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sdops.checkpoint.files.source import is_unchanged
from sdops.errors import SdopsError, UsageError
from sdops.moving import move, refusal
from sdops.paths import real

_MOST_NAMES = 10_000


def check_quarantine(folder: Path, scanned: tuple[str, ...]) -> None:
    """Makes `folder` if it is missing.

    Raises:
        UsageError: it lies inside a scanned folder, or is no folder.
        SdopsError: it cannot be made.
    """
    inside = Path(real(folder))
    for path in map(Path, scanned):
        if path.is_dir() and inside.is_relative_to(real(path)):
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
        if status is None or not is_unchanged(status, now):
            raise SdopsError(f"{path} changed while it was scanned; it stays where it is.")
        for number in range(_MOST_NAMES):
            target = folder / (f"{path.name}.{number}" if number else path.name)
            with suppress(FileExistsError):
                move(path, target)
                return target
    except OSError as error:
        raise SdopsError(f"{path} cannot be moved: {refusal(error)}.") from None
    raise SdopsError(f"{path} cannot be moved: {folder} is full of files of that name.")
