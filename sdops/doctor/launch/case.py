"""One question of launching: which UI, on which device, and what the user wishes for."""

from __future__ import annotations

from dataclasses import dataclass

from sdops.facts.types import Facts, UiInstall
from sdops.knowledge.device import Device, device_of
from sdops.knowledge.launch_rules import LaunchRules, rules_of


@dataclass(frozen=True, slots=True)
class LaunchCase:
    """What every module here asks about."""

    facts: Facts
    ui: UiInstall
    rules: LaunchRules
    device: Device
    wish: str | None = None
    """`remote`, `speed`, `low-memory`, `quality`, or None."""


def case_of(facts: Facts, wish: str | None = None) -> LaunchCase | None:
    """The case in `facts`; None without a UI, or for one that sdops has no rules for."""
    rules = rules_of(facts.ui.kind) if facts.ui else None
    if facts.ui is None or rules is None:
        return None
    return LaunchCase(facts, facts.ui, rules, device_of(facts), wish)
