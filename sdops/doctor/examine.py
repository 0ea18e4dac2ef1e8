"""Judges facts: runs every check over them and collects what they say into one Report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdops.doctor.answer import Status
from sdops.errors import Skip, UsageError
from sdops.facts.types import Facts
from sdops.finding import Finding, Rule
from sdops.likeness import nearest
from sdops.registry import Check, checks


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check said about one machine."""

    check: Check
    status: Status
    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    """Why it was skipped or how it crashed."""


def examine(facts: Facts, chosen: Sequence[Check]) -> tuple[Verdict, ...]:
    """The verdict of every check in `chosen` on `facts`; a check that crashes harms no other."""
    return tuple(_judge(check, facts) for check in chosen)


def known() -> tuple[Rule, ...]:
    """The rules of all checks."""
    return tuple(check.rule for check in checks())


def choose(only: Sequence[str]) -> tuple[Check, ...]:
    """The checks with the ids `only`, or all of them if it is empty.

    Raises:
        UsageError: there is no such check.
    """
    by_id = {check.rule.id: check for check in checks()}
    for rule_id in only:
        if rule_id not in by_id:
            meant = nearest(rule_id, by_id)
            hint = f"Did you mean {meant}? " if meant else ""
            raise UsageError(
                f"There is no check named {rule_id!r}.", f"{hint}See: sdops doctor --list-checks"
            )
    return tuple(by_id[rule_id] for rule_id in only) if only else tuple(by_id.values())


def _judge(check: Check, facts: Facts) -> Verdict:
    try:
        findings = tuple(check.judge(facts))
    except Skip as skip:
        return Verdict(check, "skipped", reason=skip.reason)
    except Exception as error:
        # The doctor must still say what the other checks found.
        return Verdict(check, "crashed", reason=f"{type(error).__name__}: {error}")
    return Verdict(check, "finding" if findings else "pass", findings)
