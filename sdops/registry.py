"""Finds the checks: ours by folder, others' by entry point in the group `sdops.checks`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING

from sdops.finding import Finding, Rule

if TYPE_CHECKING:
    from sdops.facts.types import Facts

PACKAGE = "sdops.checks"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its documentation and the function that judges."""

    rule: Rule
    judge: Callable[[Facts], Iterable[Finding]]


def checks() -> tuple[Check, ...]:
    """Every check, sorted by id; a contributed check cannot replace one of ours."""
    package = importlib.import_module(PACKAGE)
    modules = [
        importlib.import_module(f"{PACKAGE}.{entry.name}")
        for entry in pkgutil.iter_modules(package.__path__)
        if not entry.name.startswith("_")
    ]
    found = {check.rule.id: check for check in map(_check_of, modules)}
    for entry in metadata.entry_points(group=PACKAGE):
        check = _check_of(importlib.import_module(entry.value))
        found.setdefault(check.rule.id, check)
    return tuple(found[rule_id] for rule_id in sorted(found))


def _check_of(module: ModuleType) -> Check:
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    return Check(rule_from_docstring(name, module.__doc__ or ""), module.check)


def rule_from_docstring(rule_id: str, docstring: str) -> Rule:
    """Splits a check's docstring into title, explanation, `Fix:` and `Source:` paragraphs."""
    paragraphs = [" ".join(part.split()) for part in docstring.strip().split("\n\n")]
    parts: dict[str, list[str]] = {"Explanation": [], "Fix": [], "Source": []}
    current = "Explanation"
    for paragraph in paragraphs[1:]:
        for section in ("Fix", "Source"):
            if paragraph.startswith(f"{section}:"):
                current, paragraph = section, paragraph.removeprefix(f"{section}:").strip()
        parts[current].append(paragraph)
    joined = {section: "\n\n".join(texts) for section, texts in parts.items()}
    return Rule(
        id=rule_id,
        title=paragraphs[0],
        explanation=joined["Explanation"],
        fix=joined["Fix"],
        source=joined["Source"],
    )
