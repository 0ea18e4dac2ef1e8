"""The flags that the device needs, less those that the user has settled otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.facts.types import Facts, UiInstall
from sdops.knowledge.device import Device
from sdops.knowledge.flags import takes_flag
from sdops.knowledge.launch_rules import LaunchRule, LaunchRules, needed
from sdops.launch import PlannedFlag, Standing


def needed_flags(
    facts: Facts, ui: UiInstall, rules: LaunchRules, device: Device, kept: frozenset[str]
) -> Iterator[PlannedFlag]:
    """Flags for precision, memory, attention and the kind of device.

    Args:
        facts: the machine and the patient.
        ui: the patient's UI.
        rules: what is known of launching it.
        device: what it will generate on.
        kept: the user's own flags that stay in the line.
    """
    for rule in needed(rules, facts, device):
        if takes_flag(ui, rule.flag) and not _is_settled(rule, rules, kept):
            yield PlannedFlag(rule.flag, rule.value, rule.reason, Standing(rule.standing))


def _is_settled(rule: LaunchRule, rules: LaunchRules, kept: frozenset[str]) -> bool:
    """Whether a flag of the user's own makes this one needless."""
    others = {*rule.unless, *rules.choices.get(rule.group, ())} - {rule.flag}
    return rule.flag not in kept and bool(others & kept)
