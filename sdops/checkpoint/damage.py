"""Is a file broken? The one answer that every command on model files gives about it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdops.errors import UnreadableInputError

if TYPE_CHECKING:
    from pathlib import Path

    from sdops.checkpoint.types import Checkpoint, Problem
    from sdops.finding import Finding, Platform

DAMAGE = frozenset({"truncated", "header-damaged", "tensor-damaged", "damaged",
                    "pickle-damaged", "storage-damaged", "duplicate-name"})  # fmt: skip
"""Ids of the problems that come of damage, not of a limit of ours or of someone's intent."""
CUT = "truncated"
"""That of a file whose end is missing."""
OWN_LIMITS = frozenset({"pickle-budget", "header-size", "index-incomplete", "unpacking-limit",
                        "nesting-limit"})  # fmt: skip
"""Those of files that are larger than sdops follows; nothing is wrong with them by that."""
COVERED = DAMAGE | {"lfs-pointer", "web-page", "empty-file", "unknown-format"}
"""Ids of the problems that the finding about a broken file stands for."""

_TORCH_SUFFIXES = (".ckpt", ".pt", ".pth", ".bin")
_SUFFIXES = {"safetensors": (".safetensors",), "gguf": (".gguf",),
             "torch-zip": _TORCH_SUFFIXES, "torch-legacy": _TORCH_SUFFIXES}  # fmt: skip


class BrokenFileError(UnreadableInputError):
    """A file cannot be worked on because it is broken.

    Args:
        finding: what is wrong with it.
    """

    def __init__(self, finding: Finding) -> None:
        why = f"{finding.title} {finding.why}".strip()
        self.path = finding.location.path if finding.location else ""
        super().__init__(f"{self.path}: {why}", finding.remedies[0].text)
        self.finding = finding


def examine(path: Path | str, problems: Iterable[Problem] = ()) -> Finding | None:
    """What is wrong with the file at `path`, as far as a few reads tell.

    Args:
        path: the file.
        problems: what a reader that looked further has found.

    Raises:
        UnreadableInputError: it cannot be read.
    """
    from dataclasses import replace

    from sdops.checkpoint.open import sniff
    from sdops.knowledge.model_damage import finding

    seen = sniff(path)
    found = finding(seen, platform())
    damage = next((item for item in problems if item.blocking and item.id in DAMAGE), None)
    if damage is None or (found is not None and found.severity >= found.severity.ERROR):
        return found
    if damage.id == CUT:
        return finding(
            replace(seen, container="truncated", missing_bytes=damage.missing_bytes), platform()
        )
    return finding(replace(seen, damage=damage.text), platform())


def examine_checkpoint(checkpoint: Checkpoint) -> tuple[Finding, ...]:
    """What is wrong with the file, or with each file, that `checkpoint` was read from."""
    paths = tuple(checkpoint.states) or (checkpoint.path,)
    if len(paths) > 1:
        return tuple(item for item in map(examine, paths) if item is not None)
    if looks_sound(checkpoint.path, checkpoint.container, checkpoint.problems):
        return ()
    found = examine(checkpoint.path, checkpoint.problems)
    return () if found is None else (found,)


def refuse_broken(checkpoint: Checkpoint) -> None:
    """Stops before work on a file that is broken; one that is only misnamed will do.

    Raises:
        BrokenFileError: with what is wrong with it.
    """
    for finding in examine_checkpoint(checkpoint):
        if finding.severity >= finding.severity.ERROR:
            raise BrokenFileError(finding)


def looks_sound(path: str, container: str, problems: Iterable[Problem]) -> bool:
    """Whether a file that was read needs no second look: true of nearly all."""
    fitting = path.lower().endswith(_SUFFIXES.get(str(container), ()))
    return fitting and not any(item.id in COVERED for item in problems)


def platform() -> Platform:
    """Whose shell the commands of a finding on this machine are for."""
    from sdops.finding import Platform

    known = {"win32": Platform.WINDOWS, "darwin": Platform.MACOS}
    return known.get(sys.platform, Platform.LINUX)
