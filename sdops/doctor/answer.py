"""What the doctor answers: the facts, what became of each check, the flags, the repairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sdops.facts.types import Facts
from sdops.finding import Action
from sdops.launch import LaunchPlan
from sdops.tried import Tried

Status = Literal["pass", "finding", "skipped", "crashed"]


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What became of one check."""

    id: str
    status: Status
    reason: str | None
    """Why it did not apply, or how it crashed."""


@dataclass(frozen=True, slots=True)
class RepairOffer:
    """A remedy that `sdops doctor --fix` can carry out."""

    finding: str
    """The id of the finding that it fixes."""
    text: str
    action: Action
    commands: tuple[str, ...]
    """Each as one line to paste."""


@dataclass(frozen=True, slots=True)
class DoctorAnswer:
    """The data of `sdops doctor`."""

    facts: Facts
    checks: tuple[CheckOutcome, ...]
    launch: LaunchPlan | None
    """Null without a UI, or for one that sdops has no rules for."""
    repairs: tuple[RepairOffer, ...]
    proof: Tried | None = None
    """With --prove: where pictures were made, and each step."""
