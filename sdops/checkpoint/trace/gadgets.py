"""Well-known ways to run code from a pickle: a table of names, `profiles/pickle/gadgets`."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sdops.profile import own


class Gadget(NamedTuple):
    """What a well-known way to run code does."""

    module: str
    name: str
    """`*` for everything in the module."""
    does: str
    source: str


@cache
def _gadgets() -> dict[tuple[str, str], Gadget]:
    rows = own("pickle/gadgets")["gadget"]
    return {
        (row["module"], name): Gadget(row["module"], name, row["does"], row["source"])
        for row in rows
        for name in row["names"]
    }


@cache
def libraries() -> frozenset[str]:
    """Libraries whose classes people pickle whole, by their top-level name."""
    rows = own("pickle/libraries")["library"]
    return frozenset(name for row in rows for name in row["names"])


def gadget(module: str, name: str) -> Gadget | None:
    """What calling this name is known to do, if it is a known way to run code."""
    known = _gadgets()
    found = known.get((module, name))
    while found is None and module:
        found = known.get((module, "*"))
        module = module.rpartition(".")[0]
    return found
