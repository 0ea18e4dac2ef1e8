"""Launch plans: which flags a UI should be started with on one machine, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Standing(Enum):
    """How sure a planned flag is."""

    MEASURED = "measured"
    """The sampler showed on this machine that it is needed or faster."""
    KNOWN = "known"
    """Documented for this hardware or version."""
    ADVISED = "advised"
    """A good default."""


@dataclass(frozen=True, slots=True)
class PlannedFlag:
    """A flag that this machine should run with."""

    flag: str
    """With its dashes: `--port`."""
    value: str | None
    """What follows the flag; None for a switch."""
    reason: str
    """One sentence for a beginner."""
    standing: Standing


@dataclass(frozen=True, slots=True)
class RemovedFlag:
    """A flag that is set and should go."""

    flag: str
    reason: str
    """One sentence for a beginner."""


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """How to start one UI on one machine."""

    ui: str
    """The UI's kind, as in `UiInstall.kind`."""
    flags: tuple[PlannedFlag, ...]
    """What this machine needs, whether it is set already or not."""
    remove: tuple[RemovedFlag, ...]
    line: str
    """The line to paste: the user's other own flags, then the planned ones."""
    place: str
    """Where the line goes: a file's path, or a place in words."""
    changes: bool
    """Whether the line differs from what is set now."""
    note: str = ""
    """Why nothing is needed, or what is better than flags, in a sentence or two."""
    instances: tuple[str, ...] = ()
    """Where there are several alike GPUs: a line for each, with a device and a port of its own."""
