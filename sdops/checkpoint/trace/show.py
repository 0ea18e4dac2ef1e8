"""Shows symbolic values to people: short, on one line, with nothing that could be obeyed."""

from __future__ import annotations

from sdops.checkpoint.trace.values import (
    Blob,
    Call,
    Dict,
    Global,
    Persistent,
    Set,
    Unknown,
    Value,
)
from sdops.report.plain import one_line

_MAX_ITEMS = 6
_MAX_DEPTH = 4
_MAX_TEXT = 120


def show(value: Value, limit: int = 300) -> str:
    """`value` as an expression, at most `limit` characters long."""
    return one_line(_show(value, 0), limit)


def show_call(callee: str, args: Value) -> str:
    """`callee` with its arguments, such as `os.system('id')`."""
    return one_line(callee + _arguments(args, 1), 300)


def _show(value: Value, depth: int) -> str:
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, (str, bytes)):
        return repr(value[:_MAX_TEXT]) + ("…" if len(value) > _MAX_TEXT else "")
    if isinstance(value, Global):
        return f"{value.module}.{value.name}"
    if isinstance(value, Call):
        return _show(value.callee, depth + 1) + _arguments(value.args, depth + 1)
    if isinstance(value, tuple):
        return f"({_several(value, depth)}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{_several(value, depth)}]"
    if isinstance(value, (Dict, Set)):
        return f"{{{_several(value.items, depth)}}}"
    if isinstance(value, Blob):
        return f"<{value.size} bytes of {'text' if value.encoding else 'data'}>"
    if isinstance(value, Persistent):
        return f"<the loader's object {_show(value.id, depth + 1)}>"
    if isinstance(value, Unknown):
        return f"<{value.why}>"
    return repr(value)


def _arguments(args: Value, depth: int) -> str:
    if isinstance(args, tuple):
        return f"({_several(args, depth)})"
    return f"(*{_show(args, depth)})"


def _several(values: tuple[Value, ...] | list[Value], depth: int) -> str:
    shown = ", ".join(_show(value, depth + 1) for value in values[:_MAX_ITEMS])
    return shown + (", …" if len(values) > _MAX_ITEMS else "")
