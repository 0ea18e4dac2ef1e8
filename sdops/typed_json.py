"""Values to JSON, JSON to values, and the JSON Schema: all three from the types themselves.

The types are frozen dataclasses and named tuples of one another, of tuples and mappings, enums and
plain values. A field's trailing underscore (`class_`) is not part of its name in JSON.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Hashable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from sdops.errors import UnreadableInputError

T = TypeVar("T")
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def to_json(value: Any) -> Any:
    """`value` as plain JSON values; what JSON has no place for, such as a path, as its text."""
    if value is None or isinstance(value, (str, int, float)):
        return value.value if isinstance(value, Enum) else value
    names = _field_names(typing.cast(Hashable, type(value)))
    if names is not None:
        return {name.rstrip("_"): to_json(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    return value.value if isinstance(value, Enum) else str(value)


def from_json(document: Any, kind: type[T]) -> T:
    """The value of type `kind` that `to_json` made `document` of.

    Fields that the type does not know are ignored, and missing ones take their defaults.

    Raises:
        UnreadableInputError: a value has the wrong type or is missing; the message has its path,
            such as `$.gpus[0].vendor`.
    """
    return typing.cast(T, _read(document, kind, "$"))


def json_schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `to_json` makes of a `kind`, with its `$defs`."""
    definitions: dict[str, Any] = {}
    schema = _schema(kind, definitions)
    return {**schema, "$defs": definitions} if definitions else schema


@cache
def _field_names(kind: Hashable) -> tuple[str, ...] | None:
    """The fields of a dataclass or named tuple; None for another type."""
    fields = getattr(kind, "__dataclass_fields__", None) or getattr(kind, "_fields", None)
    return tuple(fields) if fields is not None else None


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(typing.cast(type, kind))


def _options(kind: Any) -> tuple[Any, ...]:
    """The members of a union; the type itself where it is none."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def _read(value: Any, kind: Any, where: str) -> Any:
    options = _options(kind)
    if value is None and type(None) in options:
        return None
    (kind,) = [option for option in options if option is not type(None)]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is tuple:
        return _read_tuple(value, arguments, where)
    if origin is typing.Literal:
        _expect_one_of(value, arguments, where)
        return value
    if origin is Mapping:
        _expect(value, dict, where)
        return {key: _read(item, arguments[1], f"{where}.{key}") for key, item in value.items()}
    if _field_names(kind) is not None:
        return _read_fields(value, kind, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _read_enum(value, kind, where)
    if kind is float and type(value) is int:
        return float(value)
    _expect(value, kind, where)
    return value


def _read_tuple(value: Any, arguments: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    _expect(value, list, where)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        wanted, found = len(arguments), len(value)
        raise UnreadableInputError(f"Expected {wanted} values, not {found}, at {where}.")
    pairs = enumerate(zip(value, arguments, strict=True))
    return tuple(_read(item, kind, f"{where}[{index}]") for index, (item, kind) in pairs)


def _read_fields(value: Any, kind: type, where: str) -> Any:
    _expect(value, dict, where)
    hints = _hints(kind)
    known = {}
    for name in _field_names(kind) or ():
        key = name.rstrip("_")
        if key in value:
            known[name] = _read(value[key], hints[name], f"{where}.{key}")
        elif name not in _defaults(kind):
            raise UnreadableInputError(f"{key} is missing at {where}.")
    return kind(**known)


@cache
def _defaults(kind: type) -> frozenset[str]:
    import dataclasses

    if not dataclasses.is_dataclass(kind):
        return frozenset(kind._field_defaults)  # type: ignore[attr-defined]
    missing = dataclasses.MISSING
    return frozenset(
        field.name
        for field in dataclasses.fields(kind)
        if field.default is not missing or field.default_factory is not missing
    )


def _read_enum(value: Any, kind: type[Enum], where: str) -> Enum:
    _expect_one_of(value, [item.value for item in kind], where)
    return kind(value)


def _expect_one_of(value: Any, known: Sequence[Any], where: str) -> None:
    if value not in known:
        raise UnreadableInputError(f"Expected one of {', '.join(map(str, known))} at {where}.")


def _expect(value: Any, kind: type, where: str) -> None:
    right = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
    if not right:
        names = {**_PLAIN, dict: "object", list: "array"}
        found, wanted = names.get(type(value), "another type"), names.get(kind, kind.__name__)
        raise UnreadableInputError(f"Expected {wanted}, not {found}, at {where}.")


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    options = _options(kind)
    if len(options) > 1:
        return _union([_schema(option, definitions) for option in options])
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is tuple and arguments[-1:] == (Ellipsis,):
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is tuple:
        items = [_schema(item, definitions) for item in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
    if origin in (Mapping, dict):
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [item.value for item in kind]}
    if isinstance(kind, type) and _field_names(kind) is not None:
        name = f"{kind.__module__}.{kind.__name__}".removeprefix("sdops.")
        if name not in definitions:
            definitions[name] = {}  # stands for itself within itself
            definitions[name] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    return {}


def _union(schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Plain types are joined into one list; others stand side by side."""
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": list(schemas)}


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints, notes = _hints(kind), _field_notes(kind)
    properties = {}
    for name in _field_names(kind) or ():
        described = {"description": notes[name]} if name in notes else {}
        properties[name.rstrip("_")] = {**_schema(hints[name], definitions), **described}
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip().partition("\n")[0],
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _field_notes(kind: type) -> dict[str, str]:
    """The docstring under each field, on one line."""
    import ast
    import inspect
    import textwrap

    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    notes = {}
    for field, after in zip(definition.body, definition.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            notes[field.target.id] = " ".join(str(after.value.value).split())
    return notes
