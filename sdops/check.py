"""All that a check imports: the facts it judges, the findings it makes, and how to say `Skip`.

A check is a module in `checks/`. Its file name in kebab-case is its id and its docstring is its
documentation: a first sentence for a title, then what happens to the user, then a paragraph that
starts with `Fix:`, then one that starts with `Source:`. It defines

    def check(facts: Facts) -> Iterable[Finding]: ...

which is pure: it reads the facts (and tables in `sdops.knowledge`) and looks at nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sdops.errors import Skip
from sdops.facts.types import *  # noqa: F403  (the whole vocabulary of facts)
from sdops.facts.types import __all__ as _facts_names
from sdops.finding import Action, Command, Finding, Location, Platform, Remedy, Severity

__all__ = [  # noqa: PLE0604
    "Action",
    "Command",
    "Finding",
    "Iterable",
    "Iterator",
    "Location",
    "Platform",
    "Remedy",
    "Severity",
    "Skip",
    *_facts_names,
]
