"""What was tried on a device, step by step, for the smoke test and the doctor's proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TriedDevice:
    """Where pictures were made."""

    name: str
    """As torch takes it: cuda, cuda:1, cpu."""
    title: str
    """As people know it."""
    memory_bytes: int | None
    """Its own memory; null where it shares the machine's."""
    precision: str


@dataclass(frozen=True, slots=True)
class TriedStep:
    """One thing that was tried."""

    name: str
    ok: bool | None
    """Null where it does not apply; the detail says why."""
    detail: str
    measured: Mapping[str, Any]
    """The numbers behind the verdict."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Where, and each step."""

    device: TriedDevice
    steps: tuple[TriedStep, ...]
