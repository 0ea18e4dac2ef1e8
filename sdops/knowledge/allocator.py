"""The grammar of PYTORCH_CUDA_ALLOC_CONF: `key:value,key:value`, as PyTorch reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from sdops.likeness import nearest
from sdops.profile import load

_ITEM = re.compile(r"(?P<key>[^,:\[\]]+)(?::(?P<value>\[[^\[\]]*\]|[^,:\[\]]*))?(?:,|$)")
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")
"""PyTorch reads the leading digits and ignores what follows (C++ `stoi`)."""
_QUOTES = "\"'"


@dataclass(frozen=True, slots=True)
class AllocatorKey:
    """One key; a row of `profiles/allocator`."""

    name: str
    type: str
    minimum: int = 0
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    native: bool = False
    """Ignored with `backend:cudaMallocAsync`."""
    not_on: tuple[str, ...] = ()
    """Operating systems where it has no effect."""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the setting that PyTorch refuses, or that has no effect."""

    text: str
    """One sentence."""
    fatal: bool = True
    """Whether PyTorch stops at it."""


@cache
def variables() -> tuple[str, ...]:
    """The names of the environment variables with this grammar."""
    return tuple(load("allocator")["variables"])


@cache
def keys() -> Mapping[str, AllocatorKey]:
    """The known keys by name."""
    rows = load("allocator")["keys"]
    tuples = ("choices", "not_on")
    return {
        row["name"]: AllocatorKey(**{**row, **{key: tuple(row.get(key, ())) for key in tuples}})
        for row in rows
    }


def faults(text: str, system: str) -> Iterator[Fault]:
    """What is wrong with the setting `text` on the operating system `system` (`Host.os`)."""
    if text.strip()[:1] in tuple(_QUOTES):
        yield Fault("The quotation marks became part of the value.")
        return
    compact = text.replace(" ", "")
    position, seen = 0, {}
    while position < len(compact):
        item = _ITEM.match(compact, position)
        if item is None:
            yield Fault(f"It cannot be read from “{compact[position:]}” on.")
            return
        position = item.end()
        seen[item["key"]] = item["value"] or ""
        yield from _item_faults(item["key"], item["value"], system)
    if "MallocAsync" in seen.get("backend", ""):
        ignored = [name for name in seen if name in keys() and keys()[name].native]
        if ignored:
            text = f"With backend:{seen['backend']}, torch ignores {', '.join(ignored)}."
            yield Fault(text, fatal=False)


def _item_faults(name: str, value: str | None, system: str) -> Iterator[Fault]:
    key = keys().get(name)
    if value is None:
        equals = name.partition("=")[0] in keys()
        yield Fault(
            f"“{name}” has “=” where PyTorch wants “:”."
            if equals
            else f"“{name}” has no value; it must be followed by “:” and one."
        )
    elif key is None:
        similar = nearest(name, keys())
        yield Fault(
            f"PyTorch does not know “{name}”"
            + (f"; “{similar}” is meant." if similar else ", or only a newer one does.")
        )
    elif not _fits(key, value):
        yield Fault(f"{name} cannot be “{value}”: it must be {_wanted(key)}.")
    elif system in key.not_on and value != "False":
        yield Fault(f"{name} has no effect on this system.", fatal=False)


def _fits(key: AllocatorKey, value: str) -> bool:
    if key.type == "boolean":
        return value in ("True", "False")
    if key.type == "choice":
        return value in key.choices
    if key.type in ("fraction", "share"):
        return _is_fraction(value, including_one=key.type == "share")
    if key.type == "divisions":
        return _is_divisions(value)
    number = _WHOLE_NUMBER.match(value)
    if number is None or int(number[0]) < key.minimum:
        return False
    if key.maximum is not None and int(number[0]) > key.maximum:
        return False
    return key.type != "power_of_two" or _is_power_of_two(int(number[0]))


def _is_fraction(value: str, *, including_one: bool) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    return 0 < number < 1 or (including_one and number == 1)


def _is_divisions(value: str) -> bool:
    if not value.startswith("["):
        return value.isdecimal() and _is_power_of_two(int(value))
    pairs = [pair.partition(":") for pair in value[1:-1].split(",")]
    return all(
        (start == ">" or (start.isdecimal() and _is_power_of_two(int(start))))
        and divisions.isdecimal()
        and (int(divisions) == 0 or _is_power_of_two(int(divisions)))
        for start, _, divisions in pairs
    )


def _is_power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def _wanted(key: AllocatorKey) -> str:
    if key.type == "boolean":
        return "True or False, with a capital letter"
    if key.type == "choice":
        return " or ".join(key.choices)
    if key.type == "fraction":
        return "more than 0 and less than 1, such as 0.8"
    if key.type == "share":
        return "more than 0 and at most 1, such as 0.8"
    if key.type == "divisions":
        return "a power of two, or a list such as [256:1,512:2,>:4]"
    upper = "" if key.maximum is None else f" and at most {key.maximum}"
    kind = "a power of two" if key.type == "power_of_two" else "a whole number"
    return f"{kind} of at least {key.minimum}{upper}"
