"""The packages on which a UI stands."""

from __future__ import annotations

from functools import cache

from sdops.profile import load


@cache
def weighty_packages() -> frozenset[str]:
    """Their names, normalized."""
    return frozenset(load("weighty_packages")["names"])
