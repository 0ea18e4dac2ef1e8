"""What is asked first of the extensions of a UI, and what each of them wants installed."""

from __future__ import annotations

from collections.abc import Iterator

from sdops.errors import Skip
from sdops.facts.types import Extension, Facts, PythonEnv
from sdops.knowledge.patient import installed
from sdops.knowledge.requirements import Unmet, unmet

HELD = ("torch", "torchvision", "torchaudio", "xformers", "numpy")
"""What an extension must not replace: everything else is compiled for it."""


def enabled(facts: Facts) -> tuple[Extension, ...]:
    """The extensions that the UI loads.

    Raises:
        Skip: there is no UI, or it has none.
    """
    found = tuple(each for each in facts.ui.extensions if each.enabled) if facts.ui else ()
    if not found:
        raise Skip("There are no extensions here that are switched on.")
    return found


def environment(facts: Facts) -> PythonEnv:
    """The UI's Python, with torch in it.

    Raises:
        Skip: it is not known, or nothing was installed yet.
    """
    python = installed(facts)
    if python.torch is None and python.distribution("torch") is None:
        raise Skip("The UI's packages were not installed yet: see torch-missing.")
    return python


def missing(each: Extension, facts: Facts, python: PythonEnv) -> Iterator[Unmet]:
    """The requirements of `each` that are not met, apart from those that may not be replaced."""
    for item in unmet(each.requirements, python, facts.host):
        if item.name not in HELD or item.installed is None:
            yield item


def replacing(each: Extension, facts: Facts, python: PythonEnv) -> Iterator[Unmet]:
    """The requirements of `each` that would replace torch or NumPy by another version."""
    for item in unmet(each.requirements, python, facts.host):
        if item.name in HELD and item.installed is not None:
            yield item
