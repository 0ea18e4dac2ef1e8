"""What becomes of the source once its result is verified."""

from __future__ import annotations

from pathlib import Path

from sdops.checkpoint.types import Checkpoint
from sdops.errors import SdopsError, UsageError


class AfterSource:
    """What becomes of the source once the result is verified: nothing."""

    def check(self, checkpoint: Checkpoint) -> None:
        """Refuses what `dispose` could only do by halves."""

    def dispose(self, path: Path) -> str | None:
        """Disposes of the source; a sentence about it, or None."""


class _Disposal(AfterSource):
    def check(self, checkpoint: Checkpoint) -> None:
        """Raises UsageError for a model that lies in several files."""
        if checkpoint.shards:
            raise UsageError(
                f"{checkpoint.path} is only the index of {len(checkpoint.shards)} files.",
                "Leave out --trash and --delete-source, and remove the files yourself.",
            )


class Trash(_Disposal):
    """The source goes where deleted files go on this system."""

    def dispose(self, path: Path) -> str:
        """Moves the source to the trash; raises SdopsError if there is none."""
        from send2trash import send2trash

        try:
            send2trash(str(path))
        except OSError as error:
            raise SdopsError(f"{path} could not be moved to the trash: {error}.") from None
        return f"{path.name} was moved to the trash."


class Delete(_Disposal):
    """The source is deleted for good."""

    def dispose(self, path: Path) -> str:
        """Deletes the source; raises SdopsError if it cannot be."""
        try:
            path.unlink()
        except OSError as error:
            raise SdopsError(f"{path} could not be deleted: {error.strerror}.") from None
        return f"{path.name} was deleted."
