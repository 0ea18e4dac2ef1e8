"""numpy's element types as a pickle describes them: how large an item is, and what is in it.

Source: numpy/_core/src/multiarray/descriptor.c (`arraydescr_new`, `arraydescr_setstate`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sdops.checkpoint.trace.values import Call, Dict, Value

if TYPE_CHECKING:
    import re

MAX_ITEM_BYTES = 1 << 24
_MAX_DEPTH = 12
_EXTENDED = "SUV"
_CHARACTER_BYTES = 4
_STATE_PARTS = (8, 9)


@cache
def _sized() -> re.Pattern[str]:
    """A short name: kind and size, such as `<f4`; a scan takes less time than importing `re`."""
    import re

    return re.compile(r"[<>|=]?([biufcSUmMVO])(\d{0,8})(\[\w+\])?$")


class ElementTypeError(Exception):
    """numpy would refuse the element type, or take it for something it is not."""


class ElementType(NamedTuple):
    """One element type."""

    size_bytes: int
    holds_objects: bool
    """Whether an item is a pointer to a Python object, or holds one."""


def element_type(value: Value, depth: int = 0) -> ElementType:
    """The element type that a call of `numpy.dtype` makes, with the state that BUILD gave it.

    Raises:
        ElementTypeError: it cannot be followed, or its parts do not fit into it.
    """
    if depth > _MAX_DEPTH:
        raise ElementTypeError("nests element types too deeply")
    args = value.args if isinstance(value, Call) else None
    word = args[0] if isinstance(args, tuple) and args else None
    found = _sized().match(word) if isinstance(word, str) else None
    if found is None:
        raise ElementTypeError("names an element type that is not understood")
    kind, digits = found.group(1), int(found.group(2) or 0)
    size = digits * (_CHARACTER_BYTES if kind == "U" else 1)
    plain = ElementType(8 if kind == "O" else size, kind == "O")
    if plain.size_bytes > MAX_ITEM_BYTES:
        raise ElementTypeError("makes an element larger than any model's")
    return plain if value.state is None else _with_state(plain, kind, value.state, depth)


def _with_state(plain: ElementType, kind: str, state: Value, depth: int) -> ElementType:
    if not isinstance(state, tuple) or len(state) not in _STATE_PARTS:
        raise ElementTypeError("gives an element type an incomplete state")
    size, alignment = state[5:7]
    if type(size) is not int or type(alignment) is not int or alignment == 0 or alignment > 64:
        raise ElementTypeError("gives an element type an incomplete state")
    if kind in _EXTENDED and size != -1:
        if not 0 <= size <= MAX_ITEM_BYTES:
            raise ElementTypeError("makes an element larger than any model's")
        plain = plain._replace(size_bytes=size)
    holds = plain.holds_objects
    for inner, start, count in _parts(state):
        part = element_type(inner, depth + 1)
        if start < 0 or start + part.size_bytes * count > plain.size_bytes:
            raise ElementTypeError("would make numpy read outside of an array's elements")
        holds = holds or part.holds_objects
    return plain._replace(holds_objects=holds)


def _parts(state: tuple[Value, ...]) -> Iterator[tuple[Value, int, int]]:
    """The element types within one: each with its place in the item, and how often it stands."""
    subarray, fields = state[2], state[4]
    if isinstance(subarray, tuple) and len(subarray) == 2:
        yield subarray[0], 0, _elements(subarray[1])
    elif subarray is not None:
        raise ElementTypeError("gives an element type an incomplete state")
    if isinstance(fields, Dict):
        for field in fields.items[1::2]:
            if not isinstance(field, tuple) or len(field) < 2 or type(field[1]) is not int:
                raise ElementTypeError("describes a field that is not understood")
            yield field[0], field[1], 1
    elif fields is not None:
        raise ElementTypeError("gives an element type an incomplete state")


def _elements(shape: Value) -> int:
    count = 1
    for length in shape if isinstance(shape, tuple) else (shape,):
        if type(length) is not int or length < 0:
            raise ElementTypeError("describes a shape that is not understood")
        count *= length
    return count
