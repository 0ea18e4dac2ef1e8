"""Reads one Python file: its imports, and what it takes from the modules of its host."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from bisect import bisect, bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sdops.facts.files import read_head

LIMIT_BYTES = 4 * 1024 * 1024
CATCHES_IMPORT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
CATCHES_LOOKUP = {*CATCHES_IMPORT, "AttributeError", "TypeError"}
ASKS_FIRST = re.compile(r"version|hasattr|getattr|callable|inspect|signature", re.IGNORECASE)
"""A condition with one of these words asks what the host can do before it is used."""


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)


_FIRST_COLUMN = re.compile(
    r"^(?:from[ \t]+(?P<origin>[\w.]+)[ \t]+import[ \t]*\(?(?P<names>[\w*][^#)\n;]*)"
    r"|import[ \t]+(?P<bare>[^#\n;]+))",
    re.M,
)
KNOWN_GRAMMAR = (3, 15)
"""Newer Pythons may allow what nobody here knows of."""
_NEWER = re.compile(r"""\b[a-z]{0,2}["']|^\s*(?:type|lazy)\s|(?:def|class)\s+\w+\[|except|\{|\[""")
"""Where grammars since 3.11 allow more: f-strings, `type X`, type parameters, `except A, B`."""
_QUOTED = re.compile(r"""['"]([A-Za-z_]\w*)['"]""")


class Import(NamedTuple):
    """One imported module, or one name from it."""

    module: str
    """Dotted, without the leading dots of a relative import."""
    name: str | None
    """For `from module import name`; None for `import module`."""
    level: int
    """How many dots a relative import begins with."""
    line: int
    at_load: bool
    """It surely happens when the file is loaded: in no function, under no condition."""
    guarded: bool
    """Its failure is caught, or it is asked for beforehand."""
    alias: str | None = None
    """What it is called in the file, where that is another name."""


class Use(NamedTuple):
    """One name of a host's module that the file reads, or calls."""

    dotted: str
    """`comfy.utils.ProgressBar`."""
    line: int
    positional: int | None
    """How many arguments the call gives by position; None where it is not called, or has `*`."""
    keywords: tuple[str, ...]


@dataclass(slots=True)
class Source:
    """One Python file."""

    path: Path
    imports: list[Import] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    patched: set[str] = field(default_factory=set)
    """Dotted names that the file itself gives to its host (`comfy.samplers.f = mine`)."""
    texts: frozenset[str] = frozenset()
    """Its string constants without spaces: names that it may ask for (`hasattr(x, "name")`)."""
    installs: bool = False
    """It runs pip by itself, so that what it lacks may come when it is loaded."""
    fault: tuple[int, str] | None = None
    """Line and text of its syntax error."""


class Lines:
    """The lines of a text in which certain words stand; all else of its tree need not be walked."""

    def __init__(self, text: str, words: Iterable[str]) -> None:
        wanted = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b")
        starts = [match.start() for match in re.finditer(r"\n", text)]
        found = (bisect(starts, match.start() - 1) + 1 for match in wanted.finditer(text))
        self._numbers = sorted(set(found))

    def touch(self, node: ast.stmt) -> bool:
        """Whether one of them is among the lines of `node`."""
        place = bisect_left(self._numbers, node.lineno)
        return place < len(self._numbers) and self._numbers[place] <= (node.end_lineno or 0)


def parse(path: Path, python: tuple[int, int] | None) -> tuple[ast.Module | None, str, Source]:
    """The tree and the text of the file at `path`, and what is known before its tree is walked.

    Args:
        path: the file.
        python: the minor version that will run it, whose grammar counts; None: not known.

    Raises:
        OSError: it cannot be read.
    """
    found = Source(path)
    raw = read_head(path, LIMIT_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(raw, str(path), feature_version=python)
    except SyntaxError as error:
        if python is None or python <= sys.version_info[:2] or _always_wrong(error, python):
            found.fault = (error.lineno or 1, error.msg)
        return None, "", found
    except (ValueError, RecursionError, MemoryError):
        return None, "", found
    return tree, raw.decode("utf-8", "replace"), found


def _always_wrong(error: SyntaxError, python: tuple[int, int]) -> bool:
    """Whether a newer Python than the one that runs sdops refuses the line as well."""
    return python <= KNOWN_GRAMMAR and bool(error.text) and not _NEWER.search(error.text or "")


def skim(path: Path) -> Source:
    """The imports that begin a line of the file at `path`, found without parsing it.

    They may stand in a text, so what follows from one is to be confirmed by `read`.

    Raises:
        OSError: it cannot be read.
    """
    text = read_head(path, LIMIT_BYTES).decode("utf-8", "replace")
    found = Source(path)
    for match in _FIRST_COLUMN.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        origin, names = match["origin"], match["names"] or match["bare"] or ""
        dots = len(origin) - len(origin.lstrip(".")) if origin else 0
        for name in filter(None, (each.split(" as ")[0].strip() for each in names.split(","))):
            if origin is None:
                found.imports.append(Import(name, None, 0, line, True, False))
            else:
                found.imports.append(Import(origin[dots:], name, dots, line, True, False))
    return found


def read(path: Path, hosts: frozenset[str], python: tuple[int, int] | None) -> Source:
    """What the file at `path` imports, and what it takes from the top modules `hosts`.

    Raises:
        OSError: it cannot be read.
    """
    tree, text, found = parse(path, python)
    if tree is None:
        return found
    found.installs = "subprocess" in text and ('"pip"' in text or "'pip'" in text)
    found.imports = list(_imports(tree.body, Lines(text, ("import",)), at_load=True, guarded=False))
    names = _host_names(found.imports, hosts)
    if names:
        lines = Lines(text, names)
        bound = _Bound(lines)
        bound.visit(tree)
        kept = {local: dotted for local, dotted in names.items() if local not in bound.names}
        found.texts = frozenset(_QUOTED.findall(text))
        _Uses(found, kept, lines).visit(tree)
    return found


def _imports(
    body: Iterable[ast.stmt], lines: Lines, *, at_load: bool, guarded: bool
) -> Iterator[Import]:
    for node in filter(lines.touch, body):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from _imported(node, at_load=at_load, guarded=guarded)
        elif isinstance(node, ast.Try):
            caught = guarded or catches(node, CATCHES_IMPORT)
            yield from _imports(node.body, lines, at_load=at_load, guarded=caught)
            for handler in node.handlers:
                yield from _imports(handler.body, lines, at_load=False, guarded=True)
            rest = (*node.orelse, *node.finalbody)
            yield from _imports(rest, lines, at_load=at_load, guarded=caught)
        elif isinstance(node, (ast.If, ast.For, ast.While)):
            asked = guarded or (isinstance(node, ast.If) and asks_first(node.test))
            yield from _imports((*node.body, *node.orelse), lines, at_load=False, guarded=asked)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _imports(node.body, lines, at_load=False, guarded=guarded)
        elif isinstance(node, (ast.ClassDef, ast.With)):
            yield from _imports(node.body, lines, at_load=at_load, guarded=guarded)


def _imported(
    node: ast.Import | ast.ImportFrom, *, at_load: bool, guarded: bool
) -> Iterator[Import]:
    for alias in node.names:
        if isinstance(node, ast.Import):
            whole = Import(alias.name, None, 0, node.lineno, at_load, guarded, alias.asname)
        else:
            module = node.module or ""
            whole = Import(
                module, alias.name, node.level, node.lineno, at_load, guarded, alias.asname
            )
        yield whole


def catches(node: ast.Try, names: set[str]) -> bool:
    """Whether one of the handlers of `node` catches one of the exceptions `names`."""
    for handler in node.handlers:
        if handler.type is None:
            return True
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        for kind in kinds:
            if (isinstance(kind, ast.Name) and kind.id in names) or (
                isinstance(kind, ast.Attribute) and kind.attr in names
            ):
                return True
    return False


def asks_first(test: ast.expr) -> bool:
    """Whether a condition asks for a version or for a name before it is used."""
    for node in ast.walk(test):
        word = getattr(node, "id", None) or getattr(node, "attr", None)
        if isinstance(word, str) and (ASKS_FIRST.search(word) or word == "TYPE_CHECKING"):
            return True
    return False


def _host_names(imports: Iterable[Import], hosts: frozenset[str]) -> dict[str, str]:
    """The names by which a file calls modules of its host and their parts, each with its path."""
    names: dict[str, str] = {}
    clashing = set()
    for each in imports:
        top = each.module.partition(".")[0]
        dotted = f"{each.module}.{each.name}" if each.name else each.module
        local = each.alias or each.name or top
        if each.name is None and each.alias is None:
            dotted = top
        if each.name == "*":
            continue
        if each.level or top not in hosts:
            clashing.add(local)  # another thing by the same name
        elif names.setdefault(local, dotted) != dotted:
            clashing.add(local)
    return {local: dotted for local, dotted in names.items() if local not in clashing}


class _Walk(ast.NodeVisitor):
    """Walks only the statements on whose lines certain words stand."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def visit(self, node: ast.AST) -> None:
        if not isinstance(node, ast.stmt) or self._lines.touch(node):
            super().visit(node)


class _Bound(_Walk):
    """Collects the names that a file binds by other means than an import."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.names: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.names.add(node.id)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.arg):
            self.names.add(node.arg)
        elif isinstance(node, _NAMED) and node.name:
            self.names.add(node.name)
        super().generic_visit(node)


class _Uses(_Walk):
    """Collects what a file reads of its host's modules, where nothing catches a failure."""

    def __init__(self, found: Source, names: dict[str, str], lines: Lines) -> None:
        super().__init__(lines)
        self._names = names
        self._found = found
        self._guarded = 0

    def visit_Try(self, node: ast.Try) -> None:
        caught = catches(node, CATCHES_LOOKUP)
        self._guarded += caught
        for child in node.body:
            self.visit(child)
        self._guarded -= caught
        self._guarded += 1
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)
        self._guarded -= 1

    def visit_If(self, node: ast.If) -> None:
        self._conditional(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._conditional(node)

    def _conditional(self, node: ast.If | ast.IfExp) -> None:
        asked = asks_first(node.test)
        self._guarded += asked
        self.generic_visit(node)
        self._guarded -= asked

    def visit_Call(self, node: ast.Call) -> None:
        dotted = self._dotted(node.func)
        if dotted is None:
            self.visit(node.func)
        else:
            starred = any(isinstance(each, ast.Starred) for each in node.args)
            words = tuple(word.arg for word in node.keywords if word.arg is not None)
            open_ended = starred or len(words) < len(node.keywords)
            self._add(node, dotted, None if open_ended else len(node.args), words)
        for child in (*node.args, *node.keywords):
            self.visit(child)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = self._dotted(node)
        if dotted is None:
            self.generic_visit(node)
        elif isinstance(node.ctx, ast.Store):
            self._found.patched.add(dotted)
        else:
            self._add(node, dotted, None, ())

    def _add(
        self, node: ast.expr, dotted: str, positional: int | None, words: tuple[str, ...]
    ) -> None:
        if not self._guarded:
            self._found.uses.append(Use(dotted, node.lineno, positional, words))

    def _dotted(self, node: ast.expr) -> str | None:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._names:
            return None
        return ".".join((self._names[node.id], *reversed(parts)))
