"""Finding a thing by the name that a user gave it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from sdops.errors import UsageError
from sdops.likeness import nearest

Thing = TypeVar("Thing")


def known(kind: str, name: str, names: Iterable[str]) -> str:
    """The one of `names` that the user means by `name`; errors as in `look_up`."""
    return look_up(kind, name, {each: each for each in names})


def look_up(kind: str, name: str, things: Mapping[str, Thing]) -> Thing:
    """The thing called `name`, whatever its case.

    Args:
        kind: what is looked for, in words, such as "sampler".
        name: what the user typed.
        things: every thing by each of its names.

    Raises:
        UsageError: there is none of that name; suggests one that is spelled alike.
    """
    folded = {known.casefold(): known for known in things}
    wanted = name.strip().casefold()
    if wanted in folded:
        return things[folded[wanted]]
    near = nearest(name, things)
    hint = f"Did you mean {near!r}?" if near else f"Use one of: {', '.join(things)}."
    raise UsageError(f"There is no {kind} called {name!r}.", hint)
