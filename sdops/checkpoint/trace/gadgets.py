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


def gadget(module: str, name: str) -> Gadget | None:
    """What calling this name is known to do, if it is a known way to run code."""
    known = _gadgets()
    top = module.partition(".")[0]
    return known.get((module, name)) or known.get((module, "*")) or known.get((top, "*"))
