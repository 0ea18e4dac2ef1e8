"""The flags that the device needs, less those that the user has settled otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.doctor.launch.case import LaunchCase
from sdops.knowledge.flags import takes_flag
from sdops.knowledge.launch_rules import LaunchRule, LaunchRules, applies, needed
from sdops.launch import PlannedFlag, Standing


def needed_flags(case: LaunchCase, kept: frozenset[str]) -> Iterator[PlannedFlag]:
    """Flags for precision, memory, attention, the kind of device, and what the user wishes for.

    Args:
        case: the UI and its device.
        kept: the user's own flags that stay in the line.
    """
    rules, facts, device = case.rules, case.facts, case.device
    wished = [rule for rule in rules.wishes if rule.wish == case.wish]
    granted = tuple(rule for rule in wished if applies(rule, rules, facts, device))
    decided = {rule.group for rule in granted}
    others = (rule for rule in needed(rules, facts, device) if rule.group not in decided)
    for rule in (*granted, *others):
        if takes_flag(case.ui, rule.flag) and not _is_settled(rule, rules, kept):
            yield PlannedFlag(rule.flag, rule.value, rule.reason, Standing(rule.standing))


def _is_settled(rule: LaunchRule, rules: LaunchRules, kept: frozenset[str]) -> bool:
    """Whether a flag of the user's own makes this one needless."""
    others = {*rule.unless, *rules.choices.get(rule.group, ())} - {rule.flag}
    return rule.flag not in kept and bool(others & kept)
