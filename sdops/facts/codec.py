"""Facts to JSON and back, so that one machine's facts can be judged on another."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar

from sdops.errors import UnreadableInputError
from sdops.facts.types import SCHEMA, Facts

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """`value` (dataclasses, tuples, mappings, scalars) as plain JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: to_json(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def facts_from_json(document: Any) -> Facts:
    """Facts from the JSON that `sdops doctor --save-facts` wrote.

    Fields that this version does not know are ignored, and missing ones take their defaults.

    Raises:
        UnreadableInputError: the document is not facts, or a value has the wrong type.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UnreadableInputError(
            f"This is not a facts file: its `schema` is not {SCHEMA!r}.",
            "Make one with: sdops doctor --save-facts FILE",
        )
    return typing.cast(Facts, _read(document, Facts, "facts"))


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(typing.cast(type, kind))


def _read(value: Any, kind: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (kind,) = [option for option in arguments if option is not type(None)]
        return _read(value, kind, where)
    if origin is tuple:
        return _read_tuple(value, arguments, where)
    if origin is Mapping:
        _expect(value, dict, where)
        return {key: _read(item, arguments[1], f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(value, typing.cast(type, kind), where)
    if kind is float and isinstance(value, int):
        return float(value)
    _expect(value, kind, where)
    return value


def _read_tuple(value: Any, arguments: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    _expect(value, list, where)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        raise UnreadableInputError(f"In the facts file, {where} must hold {len(arguments)} values.")
    pairs = enumerate(zip(value, arguments, strict=True))
    return tuple(_read(item, kind, f"{where}[{index}]") for index, (item, kind) in pairs)


def _read_dataclass(value: Any, kind: type[T], where: str) -> T:
    _expect(value, dict, where)
    hints = _hints(typing.cast(Hashable, kind))
    known = {
        field.name: _read(value[field.name], hints[field.name], f"{where}.{field.name}")
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.name in value
    }
    try:
        return kind(**known)
    except TypeError:
        required = [
            field.name
            for field in dataclasses.fields(kind)  # type: ignore[arg-type]
            if field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
            and field.name not in known
        ]
        raise UnreadableInputError(
            f"In the facts file, {where} lacks {', '.join(required)}."
        ) from None


def _expect(value: Any, kind: type, where: str) -> None:
    right = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
    if not right:
        raise UnreadableInputError(
            f"In the facts file, {where} is {type(value).__name__}, not {kind.__name__}."
        )
