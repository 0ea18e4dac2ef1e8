"""Reads the flags that a UI defines with argparse from its sources, with `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from sdops.facts.files import read_text
from sdops.facts.probe import Probed
from sdops.facts.types import FlagDefinition, Gap

LIMIT_BYTES = 512 * 1024
FILES = 300
_VALUE_LENGTH = 200
_HELP_LENGTH = 400

SWITCH_ACTIONS = frozenset(
    {"store_true", "store_false", "store_const", "append_const", "count", "help", "version",
     "BooleanOptionalAction"}
)  # fmt: skip
"""argparse actions that take no value (Python documentation, argparse, `action`)."""


def read(root: Path, patterns: Iterable[str]) -> Probed[tuple[FlagDefinition, ...]]:
    """The flags that the files under `root` that match `patterns` define, each flag once."""
    flags: dict[str, FlagDefinition] = {}
    gaps = []
    paths = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    for path in paths[:FILES]:
        try:
            found = list(definitions(read_text(path, LIMIT_BYTES)))
        except (OSError, ValueError) as error:
            gaps.append(Gap("ui.known_flags", f"{path}: {error}"))
            continue
        for definition in found:
            flags.setdefault(definition.flag, definition)
    return Probed(tuple(flags.values()), tuple(gaps))


def definitions(source: str) -> Iterator[FlagDefinition]:
    """The flags that the `add_argument` calls in `source` define.

    Raises:
        ValueError: `source` is not Python.
    """
    try:
        tree = ast.parse(source)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("not Python that can be read") from None
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
            definition = _definition(call)
            if definition is not None:
                yield definition


def _definition(call: ast.Call) -> FlagDefinition | None:
    names = [
        each.value
        for each in call.args
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]
    names = [name for name in names if name.startswith("-")]
    if not names:
        return None
    keywords = {each.arg: each.value for each in call.keywords if each.arg}
    flag = next((name for name in names if name.startswith("--")), names[0])
    action = _action(keywords.get("action"))
    aliases = [name for name in names if name != flag]
    if action == "BooleanOptionalAction":
        aliases.append(f"--no-{flag.removeprefix('--')}")
    return FlagDefinition(
        flag=flag,
        aliases=tuple(aliases),
        takes_value=action not in SWITCH_ACTIONS,
        default=_as_text(keywords.get("default")),
        help=_help(keywords.get("help")),
    )


def _action(node: ast.expr | None) -> str | None:
    match node:
        case ast.Constant(value=str(name)):
            return name
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return None


def _as_text(node: ast.expr | None) -> str | None:
    """A default as it would be typed: the text of a constant, the source of anything else."""
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return None
    if isinstance(node, ast.Constant):
        return str(node.value)[:_VALUE_LENGTH]
    try:
        return ast.unparse(node)[:_VALUE_LENGTH]
    except RecursionError:
        return None


def _help(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return " ".join(node.value.split())[:_HELP_LENGTH]
    return None
