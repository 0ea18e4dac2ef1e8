"""Reads the keys of a UI's YAML file with the lines that they stand on; no tag is obeyed.

PyYAML only composes the text into nodes here: nothing is constructed, so a tag like
`!!python/object` is just ignored, and every value is its text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_ENTRIES = 1000
_NODES = 20_000
"""Nodes that are visited: aliases let a short file name one node a million times."""
_DEPTH = 12
_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Entry:
    """A key that has a value."""

    path: tuple[str, ...]
    """The key with those that it is nested in, outermost first."""
    value: str
    """As text; the items of a list of plain values joined by newlines."""
    line: int


def read(text: str) -> tuple[Entry, ...]:
    """The keys in the first document of `text` that have a plain value, in order.

    Raises:
        ValueError: it is not YAML; the message names the line and quotes nothing of the file.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = next(yaml.compose_all(text, Loader=loader), None)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"not YAML{line}") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise ValueError("not YAML that can be read") from None
    return tuple(_Walk().entries(root))


class _Walk:
    """One way through the nodes, which ends whatever the aliases point to."""

    def __init__(self) -> None:
        self._nodes = 0
        self._found = 0

    def entries(self, node: Any, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[Entry]:
        self._nodes += 1
        if node is None or self._nodes > _NODES or depth > _DEPTH:
            return
        if node.id == "mapping":
            # What is merged in (`<<: *defaults`) comes first, for the later of two counts.
            pairs = sorted(node.value, key=lambda pair: pair[0].tag != _MERGE)
            for key, value in pairs:
                inner = path if key.tag == _MERGE else (*path, str(key.value))
                yield from self._value(key, value, inner, depth)
        elif node.id == "sequence":
            for item in node.value:
                yield from self.entries(item, path, depth + 1)

    def _value(self, key: Any, node: Any, path: tuple[str, ...], depth: int) -> Iterator[Entry]:
        text = _plain(node)
        if text is None:
            yield from self.entries(node, path, depth + 1)
        if not text or not path or self._found >= _ENTRIES:
            return
        self._found += 1
        yield Entry(path, text, key.start_mark.line + 1)


def _plain(node: Any) -> str | None:
    """The text of a plain value or a list of them; None for anything with keys inside."""
    if node.id == "scalar":
        return "" if node.tag == _NULL else str(node.value)
    if node.id == "sequence" and all(item.id == "scalar" for item in node.value):
        return "\n".join(filter(None, map(_plain, node.value)))
    return None
