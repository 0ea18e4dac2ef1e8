"""The modules of a user interface's own tree, and the names that each of them has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sdops.facts.files import is_folder, readable_entries
from sdops.facts.sources.folders import Folders
from sdops.facts.sources.source import Import, parse

_GLOBAL = re.compile(r"^\s*global\s+([\w, ]+)", re.M)
_OPEN = re.compile(r"\b__getattr__\b|\bglobals\(\)|\bsys\.modules\[__name__\]|^exec\(", re.M)
"""Signs that a module has names which its text does not show."""
_DEPTH = 6
_SPARSE = frozenset({"__init__", "cli_args", "options"})
"""Modules that alone do not make a package's tree a whole one."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function of the host takes."""

    most: int | None
    """How many arguments it takes by position; None for `*args`."""
    required: tuple[str, ...]
    """The names of those without a default, in order."""
    names: frozenset[str] | None
    """The names that it takes as keywords; None for `**kwargs`."""
    keyword_only: frozenset[str]
    """Keywords without a default."""

    def refuses(self, positional: int, keywords: Iterable[str]) -> str | None:
        """Why a call cannot be bound; None if it can be."""
        words = set(keywords)
        unknown = words - self.names if self.names is not None else set()
        if unknown:
            return f"it takes no argument named {', '.join(sorted(unknown))}"
        if self.most is not None and positional > self.most:
            return f"it takes {self.most} arguments by position, and is given {positional}"
        missing = [name for name in self.required[positional:] if name not in words]
        missing += sorted(self.keyword_only - words)
        return f"its argument {', '.join(missing)} is not given" if missing else None


@dataclass(slots=True)
class Names:
    """The names of one module."""

    known: dict[str, Signature | None] = field(default_factory=dict)
    """Each with its signature, where it is a plain function or class."""
    open: bool = False
    """It may have more names than its text shows."""


class HostTree:
    """The modules of one user interface's tree."""

    def __init__(self, root: Path, hosts: frozenset[str], folders: Folders) -> None:
        self.root = root
        self._folders = folders
        self._places: dict[str, Path | None] = {}
        self._known: dict[str, Names] = {}
        self.hosts_wanted = hosts
        """The top modules that belong to the UI, whether this tree has them or not."""
        self.hosts = frozenset(name for name in hosts if self._place(name) is not None)

    def has(self, module: str) -> bool | None:
        """Whether the tree has `module`; None where that cannot be said."""
        if self._place(module) is not None:
            return True
        return False if self._is_whole() else None

    def names(self, module: str) -> Names:
        """The names in `module`, which the tree has."""
        return self._names(module, 0)

    def resolve(self, dotted: str) -> tuple[str, str | None]:
        """The longest module that `dotted` begins with, and the name in it that comes next."""
        parts = dotted.split(".")
        for count in range(len(parts), 0, -1):
            module = ".".join(parts[:count])
            if self._place(module) is not None:
                return module, parts[count] if count < len(parts) else None
        return "", parts[0]

    def _is_whole(self) -> bool:
        """Whether there is more in the tree than the few files that it is recognized by."""
        return any(
            entry.name.endswith(".py") and entry.name[:-3] not in _SPARSE
            for host in self.hosts
            for entry in readable_entries(self.root / host)
        )

    def _place(self, module: str) -> Path | None:
        """The file or folder of `module`."""
        if module not in self._places:
            path = self.root.joinpath(*module.split("."))
            place = self._folders.file_of(path)
            self._places[module] = place or (path if self._folders.has(path) else None)
        return self._places[module]

    def _names(self, module: str, depth: int) -> Names:
        if module not in self._known:
            self._known[module] = Names(open=True)  # while it is read, for circles of imports
            self._known[module] = self._read(module, depth)
        return self._known[module]

    def _read(self, module: str, depth: int) -> Names:
        place = self._place(module)
        found = Names(open=place is None or depth > _DEPTH)
        if place is None or found.open or is_folder(place):
            return found
        try:
            tree, text, _ = parse(place, None)
        except OSError:
            tree, text = None, ""
        if tree is None or not tree.body:
            found.open = True
            return found
        found.open = _OPEN.search(text) is not None
        for match in _GLOBAL.finditer(text):
            found.known.update(dict.fromkeys(re.findall(r"\w+", match[1])))
        self._bind(found, tree.body, module, depth)
        return found

    def _bind(self, found: Names, body: Iterable[ast.stmt], module: str, depth: int) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                twice = node.name in found.known
                found.known[node.name] = None if twice else _signature_of(node)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    found.known[alias.asname or alias.name.partition(".")[0]] = None
            elif isinstance(node, ast.ImportFrom):
                self._from(found, node, module, depth)
            else:
                for child in ast.walk(node):
                    if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                        found.known[child.id] = None
                for part in ("body", "orelse", "finalbody"):
                    self._bind(found, getattr(node, part, ()), module, depth)
                for handler in getattr(node, "handlers", ()):
                    self._bind(found, handler.body, module, depth)

    def _from(self, found: Names, node: ast.ImportFrom, module: str, depth: int) -> None:
        for alias in node.names:
            if alias.name != "*":
                found.known[alias.asname or alias.name] = None
                continue
            target = absolute(module, self._is_package(module), _first(node))
            if self._place(target) is None:
                found.open = True
                continue
            more = self._names(target, depth + 1)
            found.known.update(more.known)
            found.open |= more.open

    def _is_package(self, module: str) -> bool:
        place = self._place(module)
        return place is not None and place.name == "__init__.py"


def _first(node: ast.ImportFrom) -> Import:
    return Import(node.module or "", None, node.level, node.lineno, True, False)


def absolute(module: str, package: bool, each: Import) -> str:
    """The full name of what `each` imports from, inside the module `module`."""
    if not each.level:
        return each.module
    parts = module.split(".")
    kept = parts[: len(parts) - each.level + (1 if package else 0)]
    return ".".join((*kept, each.module) if each.module else kept)


def _signature_of(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> Signature | None:
    if node.decorator_list:
        return None
    if not isinstance(node, ast.ClassDef):
        return _signature(node.args, 0)
    if node.keywords or any(not _is_plain(base) for base in node.bases):
        return None
    own = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    if any(each.name == "__new__" for each in own):
        return None
    init = [each for each in own if each.name == "__init__"]
    return _signature(init[0].args, 1) if len(init) == 1 and not init[0].decorator_list else None


def _is_plain(base: ast.expr) -> bool:
    return isinstance(base, ast.Name) and base.id == "object"


def _signature(args: ast.arguments, bound: int) -> Signature:
    """The signature without its first `bound` arguments (`self`)."""
    positional = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    only_by_place = {arg.arg for arg in args.posonlyargs}
    required = positional[bound : len(positional) - len(args.defaults)]
    words = [arg.arg for arg in args.kwonlyargs]
    free = {word for word, default in zip(words, args.kw_defaults, strict=True) if default is None}
    names = frozenset((*positional[bound:], *words)) - only_by_place
    return Signature(
        most=None if args.vararg else len(positional) - bound,
        required=tuple(required),
        names=None if args.kwarg else names,
        keyword_only=frozenset(free),
    )
