"""What becomes of the source once its result is verified."""

from __future__ import annotations

from pathlib import Path

from sdops.checkpoint.convert.plan import Plan
from sdops.checkpoint.files.source import is_unchanged
from sdops.checkpoint.types import Checkpoint
from sdops.errors import SdopsError, UsageError
from sdops.moving import refusal, remove
from sdops.paths import real


class AfterSource:
    """What becomes of the source once the result is verified: nothing."""

    kept = ""
    """How a sentence ends about a file whose result was there already."""

    def check(self, plan: Plan) -> None:
        """Refuses what `dispose` could only do by halves."""

    def dispose(self, checkpoint: Checkpoint) -> str | None:
        """Disposes of the file that was converted; a sentence about it, or None."""


class _Disposal(AfterSource):
    kept = "; the source was kept"

    def __init__(self, *, leaves_out: bool = False) -> None:
        """With `leaves_out` where weights are left out on purpose: prune."""
        self._leaves_out = leaves_out

    def check(self, plan: Plan) -> None:
        """Refuses to give up more than the result will hold, or less than the whole source.

        Raises:
            UsageError: weights are left out, or the model lies in several files, or behind a link.
        """
        checkpoint = plan.source
        lost = [item.name for item in plan.dropped if item.holds_weights]
        if lost and not self._leaves_out:
            raise UsageError(
                f"The result would not hold all that is in {checkpoint.path}: it leaves out"
                f" {', '.join(lost[:3])}{' …' if len(lost) > 3 else ''}.",
                "Leave out --trash and --delete-source, and keep the file.",
            )
        if checkpoint.shards:
            raise UsageError(
                f"{checkpoint.path} is only the index of {len(checkpoint.shards)} files.",
                "Leave out --trash and --delete-source, and remove the files yourself.",
            )
        path = Path(checkpoint.path)
        if path.is_symlink():
            raise UsageError(
                f"{path} is only a link to {real(path)}.",
                "Name that file, or leave out --trash and --delete-source.",
            )

    def dispose(self, checkpoint: Checkpoint) -> str:
        """Gives up the file; raises SdopsError if it cannot be, or is another one by now."""
        path = Path(checkpoint.path)
        try:
            if not is_unchanged(checkpoint.states[checkpoint.path], path.lstat()):
                raise SdopsError(f"{path} changed after it was converted; it was kept.")
            return self.give_up(path)
        except OSError as error:
            raise SdopsError(
                f"The result is whole, but {path} could not be removed: {refusal(error)}."
            ) from None

    def give_up(self, path: Path) -> str:
        """Removes the file; a sentence about it."""
        raise NotImplementedError


class Trash(_Disposal):
    """The source goes where deleted files go on this system."""

    def give_up(self, path: Path) -> str:
        """Moves the file to the trash; raises OSError if there is none."""
        from send2trash import send2trash

        send2trash(str(path))
        return f"{path.name} was moved to the trash."


class Delete(_Disposal):
    """The source is deleted for good."""

    def give_up(self, path: Path) -> str:
        """Deletes the file; raises OSError if it cannot be."""
        remove(path)
        return f"{path.name} was deleted."
