"""What a UI's own sources say of the Python and the torch that it wants.

Its start script holds the command that installs torch, its `pyproject.toml` or its own check of
Python the versions that it takes. Sources in Python are read with `ast`, others line by line.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdops.facts.files import text_or_empty
from sdops.facts.types import TorchPin

_LIMIT_BYTES = 512 * 1024
_PINS = 40
_TORCH = re.compile(r"(?<![\w.-])torch==(\d+(?:\.\d+)+(?:\.\*)?)(?:\+([a-z]+[\d.]*))?(?![\w.])")
_INDEX = re.compile(r"/whl/(?:nightly/)?(cu\d+|rocm[\d.]+|xpu|cpu)\b")


def torch_pins(root: Path, files: tuple[str, ...]) -> tuple[TorchPin, ...]:
    """The torches that the installer in `files` (paths under `root`) takes, in order."""
    found: dict[tuple[str, str | None], TorchPin] = {}
    for name in files:
        path = root / name
        text = text_or_empty(path, _LIMIT_BYTES)
        lines = _python_strings(text) if path.suffix == ".py" else _lines(text)
        for line, command in lines:
            for match in _TORCH.finditer(command):
                index = _INDEX.search(command)
                build = match[2] or (index[1] if index else None)
                pin = TorchPin(match[1], build, str(path), line)
                found.setdefault((pin.torch, pin.build), pin)
    return tuple(found.values())[:_PINS]


def python_range(root: Path, files: tuple[str, ...], system: str) -> str | None:
    """The Python versions that the UI's sources take on `system`, as a PEP 440 specifier."""
    stated = _project(root).get("requires-python")
    parts = [stated.replace(" ", "")] if isinstance(stated, str) else []
    for name in files:
        if name.endswith(".py"):
            minors = _supported_minors(text_or_empty(root / name, _LIMIT_BYTES), system)
            if minors:
                parts.append(f">=3.{min(minors)},<3.{max(minors) + 1}")
    return ",".join(parts) or None


def project_requirements(root: Path) -> tuple[str, ...]:
    """The `dependencies` in the UI's `pyproject.toml`."""
    listed = _project(root).get("dependencies")
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


def _project(root: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        table = tomllib.loads(text_or_empty(root / "pyproject.toml", _LIMIT_BYTES))
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    project = table.get("project")
    return project if isinstance(project, dict) else {}


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith(("#", "REM ", "rem ", "::")):
            yield number, line


def _python_strings(source: str) -> Iterator[tuple[int, str]]:
    """The texts in `source`, in order; names inside them stand for the text they last had."""
    try:
        tree = ast.parse(source)
        nodes = sorted(
            (node for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.Call))),
            key=lambda node: (node.lineno, node.col_offset),
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    known: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            text = _text(_default(node.value), known)
            for target in node.targets:
                if isinstance(target, ast.Name) and text is not None:
                    known[target.id] = text
            if text is not None:
                yield node.lineno, text
        else:
            for argument in node.args:
                text = _text(argument, known)
                if text is not None:
                    yield node.lineno, text


def _default(node: ast.expr) -> ast.expr:
    """What `os.environ.get("NAME", default)` gives where nothing is set."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.environ.get", "os.getenv"):
        return node.args[1] if len(node.args) > 1 else node
    return node


def _text(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name):
            parts.append(known.get(part.value.id, "{}"))
        else:
            parts.append("{}")
    return "".join(parts)


def _supported_minors(source: str, system: str) -> tuple[int, ...]:
    """The list `supported_minors` of the start script's own check, for `system`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "is_windows":
            branch = node.body if system == "windows" else node.orelse
            for each in branch:
                minors = _minors(each)
                if minors:
                    return minors
    found = (_minors(node) for node in ast.walk(tree) if isinstance(node, ast.Assign))
    return next((minors for minors in found if minors), ())


def _minors(node: ast.stmt) -> tuple[int, ...]:
    if not isinstance(node, ast.Assign) or not isinstance(node.value, (ast.List, ast.Tuple)):
        return ()
    if not any(isinstance(name, ast.Name) and name.id == "supported_minors"
               for name in node.targets):  # fmt: skip
        return ()
    return tuple(
        item.value
        for item in node.value.elts
        if isinstance(item, ast.Constant) and isinstance(item.value, int)
    )
