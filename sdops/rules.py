"""Every rule by its id: what a command can find, what that means, why, and what to do about it.

A check's rule is its module's docstring, what `explain` names is a row of `profiles/signatures/`,
every other one a row of `profiles/rules/`. SARIF, JUnit, HTML and `sdops rules` take their texts
from here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from types import ModuleType
from typing import Any

from sdops.errors import UsageError
from sdops.finding import Rule, Severity
from sdops.likeness import nearest
from sdops.profile import load, names

CHECKS = "sdops.checks"
"""The package of our checks, and the entry point group of other packages' checks."""

_PARTS = ("Fix", "Source", "Severity")


def find(rule_id: str) -> Rule:
    """The rule with this id.

    Raises:
        UsageError: there is none; the hint names one that is spelled alike.
    """
    found = _table().get(rule_id)
    if found is None:
        alike = nearest(rule_id, _table())
        meant = f"Did you mean {alike}? " if alike else ""
        raise UsageError(
            f"There is no rule {rule_id!r}.", f"{meant}`sdops rules` lists all of them."
        )
    return found


def is_known(rule_id: str) -> bool:
    """Whether there is a rule with this id."""
    return rule_id in _table()


def every() -> tuple[Rule, ...]:
    """All rules, sorted by id."""
    return tuple(_table()[rule_id] for rule_id in sorted(_table()))


def documented(rule_ids: Iterable[str]) -> tuple[Rule, ...]:
    """The rules with these ids, in their order; one that is not known has its id for a title."""
    return tuple(
        _table().get(rule_id) or Rule(rule_id, f"{rule_id.replace('-', ' ').capitalize()}.")
        for rule_id in dict.fromkeys(rule_ids)
    )


def check_modules() -> Iterator[ModuleType]:
    """The modules of our checks, then of those that other packages contribute."""
    package = importlib.import_module(CHECKS)
    for entry in pkgutil.iter_modules(package.__path__):
        if not entry.name.startswith("_"):
            yield importlib.import_module(f"{CHECKS}.{entry.name}")
    for contributed in metadata.entry_points(group=CHECKS):
        yield importlib.import_module(contributed.value)


def of_check(module: ModuleType) -> Rule:
    """The rule of a check: its docstring's title, explanation, `Fix:` and `Source:`.

    The severities are those that its code names, unless a paragraph `Severity:` does.
    """
    rule_id = module.__name__.rpartition(".")[2].replace("_", "-")
    title, *paragraphs = [
        " ".join(part.split()) for part in (module.__doc__ or "").strip().split("\n\n")
    ]
    parts: dict[str, list[str]] = {"": [], **{name: [] for name in _PARTS}}
    current = ""
    for paragraph in paragraphs:
        for name in _PARTS:
            if paragraph.startswith(f"{name}:"):
                current, paragraph = name, paragraph.removeprefix(f"{name}:").strip()
        parts[current].append(paragraph)
    explanation, *why = parts[""] or [""]
    return Rule(
        id=rule_id,
        title=title,
        explanation=explanation,
        why="\n\n".join(why),
        fix="\n\n".join(parts["Fix"]),
        source="\n\n".join(parts["Source"]),
        severities=_severities(" ".join(parts["Severity"]) or _named_in(module)),
    )


@cache
def _table() -> dict[str, Rule]:
    rows = [row for name in names("rules") for row in load(name)["rule"]]
    table = {row["id"]: _of_row(**row) for row in rows}
    for name in names("signatures"):
        for row in load(name)["signature"]:
            table.setdefault(row["id"], _of_signature(row))
    for module in check_modules():
        rule = of_check(module)
        table.setdefault(rule.id, rule)
    return table


def _of_row(*, severities: list[str], tags: Iterable[str] = (), **texts: str) -> Rule:
    return Rule(**texts, tags=tuple(tags), severities=_severities(" ".join(severities)))


_SIGNATURE_SEVERITIES = {"harmless": "info"}


def _of_signature(row: Mapping[str, Any]) -> Rule:
    severity = row["severity"]
    return Rule(
        id=row["id"],
        title=_sentence(row["title"]),
        explanation=row["cause"],
        fix=row["remedy"],
        source=row["source"],
        severities=_severities(_SIGNATURE_SEVERITIES.get(severity, severity)),
    )


def _named_in(module: ModuleType) -> str:
    return " ".join(re.findall(r"Severity\.([A-Z]+)", inspect.getsource(module))).lower()


def _severities(words: str) -> tuple[Severity, ...]:
    found = set(re.findall(r"[a-z]+", words))
    return tuple(severity for severity in Severity if severity.label in found)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
