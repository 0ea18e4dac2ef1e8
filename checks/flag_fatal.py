"""A launch flag is set with which this UI stops at its start on this machine.

The flag asks for a package that is not installed, or for a way of computing that the UI's own test
at its start does not let pass. The UI prints a line and ends.

Fix: Take the flag away, or give the UI what the flag asks for.

Source: profiles/uis/*/launch.toml (fatal), each row with the UI's source.
"""

from __future__ import annotations

from sdops.check import (
    Action,
    Argument,
    Facts,
    Finding,
    Iterator,
    Location,
    Remedy,
    Severity,
    Skip,
)
from sdops.knowledge.device import device_of
from sdops.knowledge.flags import FlagStatus, status_of
from sdops.knowledge.launch_rules import LaunchRule, fatal, rules_of
from sdops.remedies.torch import pip_remedy


def check(facts: Facts) -> Iterator[Finding]:
    """By the rows that say so and whose conditions hold."""
    ui = facts.ui
    rules = rules_of(ui.kind) if ui else None
    if ui is None or rules is None:
        raise Skip("There is no UI here whose flags are known.")
    for use, rule in fatal(rules, facts, device_of(facts)):
        if status_of(ui, use.flag) is not FlagStatus.UNKNOWN:
            yield _finding(facts, use, rule)


def _finding(facts: Facts, use: Argument, rule: LaunchRule) -> Finding:
    flag = f"{use.flag} {rule.value}" if rule.value else use.flag
    return Finding(
        rule="flag-fatal",
        severity=Severity.ERROR,
        title=f"The UI will not start with {flag} here.",
        why=rule.reason,
        evidence={"flag": use.flag, "lacks": rule.lacks},
        location=Location(use.file, line=use.line),
        remedies=tuple(_remedies(facts, use, rule)),
    )


def _remedies(facts: Facts, use: Argument, rule: LaunchRule) -> Iterator[Remedy]:
    if rule.adds:
        text = f"Add {' and '.join(rule.adds)} as well."
        yield Remedy(text, Action.CHANGE_FLAG, add_flags=rule.adds)
        return
    yield Remedy(f"Take {use.flag} away.", Action.CHANGE_FLAG, remove_flags=(use.flag,))
    if rule.installable and rule.lacks and facts.python is not None:
        remedy = pip_remedy(facts, f"Or install {rule.lacks}.", ("install", rule.lacks))
        yield remedy._replace(automatic=False)
