"""The rules as text: all of them as a list, one of them in full."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from sdops.finding import Rule

_WIDTH = 100


def in_a_list(rules: Iterable[Rule]) -> str:
    """Every rule's id and title, one a line."""
    rules = tuple(rules)
    width = max((len(rule.id) for rule in rules), default=0)
    return "".join(f"{rule.id:{width}}  {rule.title}\n" for rule in rules)


def in_full(rule: Rule) -> str:
    """The documentation of one rule, a paragraph for each part."""
    labels = {
        "": rule.explanation,
        "Why: ": rule.why,
        "Fix: ": rule.fix,
        "Severity: ": " or ".join(severity.label for severity in rule.severities),
        "Source: ": rule.source,
    }
    parts = [
        f"{rule.id}: {rule.title}",
        *(f"{label}{text}" for label, text in labels.items() if text),
    ]
    paragraphs = (part for text in parts for part in text.split("\n\n"))
    return "\n\n".join(map(_filled, paragraphs)) + "\n"


def as_data(rule: Rule) -> dict[str, object]:
    """One rule as plain JSON values."""
    return {
        "id": rule.id,
        "severities": [severity.label for severity in rule.severities],
        "title": rule.title,
        "explanation": rule.explanation,
        "why": rule.why,
        "fix": rule.fix,
        "source": rule.source,
        "tags": list(rule.tags),
    }


def _filled(paragraph: str) -> str:
    return textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)
