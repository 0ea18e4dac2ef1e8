"""Finds the checks: ours by folder, others' by entry point in the group `sdops.checks`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from sdops import rules
from sdops.finding import Finding, Rule

if TYPE_CHECKING:
    from sdops.facts.types import Facts


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its documentation and the function that judges."""

    rule: Rule
    judge: Callable[[Facts], Iterable[Finding]]


def checks() -> tuple[Check, ...]:
    """Every check, sorted by id; a contributed check cannot replace one of ours."""
    found: dict[str, Check] = {}
    for check in map(_check_of, rules.check_modules()):
        found.setdefault(check.rule.id, check)
    return tuple(found[rule_id] for rule_id in sorted(found))


def _check_of(module: ModuleType) -> Check:
    return Check(rules.of_check(module), module.check)
