"""Reads requirements files as pip does (pip documentation, "Requirements File Format")."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed

from sdops.facts.files import exists, read_text, text_or_empty
from sdops.facts.probe import Probed
from sdops.facts.types import Gap, Requirement

_LIMIT_BYTES = 256 * 1024
_FILES = 20
_LINES = 1000
_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s*)(.+)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=\s*|\s*)(.+)")
_TRAILING_OPTION = re.compile(r"\s--?[a-z][a-z-]*(?:[= ]\S+)?", re.I)
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][\w.-]*)(\[[\w, .-]*\])?")
_WHEEL = re.compile(r"([A-Za-z0-9][\w.]*)-[^-/]+(?:-\d[^-/]*)?-[^-/]+-[^-/]+-[^-/]+\.whl")


@dataclass(slots=True)
class _Reading:
    local_names: Mapping[str, str]
    found: list[Requirement] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)


def read(
    paths: Iterable[Path], local_names: Mapping[str, str] = MappingProxyType({})
) -> Probed[tuple[Requirement, ...]]:
    """The requirements in the files at `paths` and in those that they include.

    A line that cannot be read is a gap; options that only say where packages come from are none.

    Args:
        paths: the files; those that are missing are left out.
        local_names: the packages in folders of the UI's own, by the folder's name: what is known
            of them where their own `setup.py` does not say.
    """
    reading = _Reading(local_names)
    for path in paths:
        if exists(path):
            _read_file(path, reading, constraint=False)
    return Probed(tuple(reading.found[:_LINES]), tuple(reading.gaps))


def _read_file(path: Path, reading: _Reading, *, constraint: bool) -> None:
    if path in reading.seen or len(reading.seen) >= _FILES:
        return
    reading.seen.add(path)
    try:
        text = read_text(path, _LIMIT_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        reading.gaps.append(Gap("ui.requirements", f"{path}: {reason}"))
        return
    for line, content in _logical_lines(text):
        if len(reading.found) >= _LINES:
            return
        included = _INCLUDE.fullmatch(content)
        if included:
            name = _unquoted(included[2])
            limits = constraint or included[1] in ("-c", "--constraint")
            if not _is_address(name):
                _read_file(path.parent / name, reading, constraint=limits)
            continue
        for text_ in _requirements(content, path.parent, reading.local_names):
            if text_ is None:
                reason = f"{path}, line {line}: {content[:100]!r} cannot be read"
                reading.gaps.append(Gap("ui.requirements", reason))
                continue
            reading.found.append(
                dataclasses.replace(text_, file=str(path), line=line, constraint=constraint)
            )


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        content = "" if line.lstrip().startswith("#") else re.split(r"\s#", line, maxsplit=1)[0]
        if content.rstrip().endswith("\\"):
            joined += content.rstrip()[:-1]
            continue
        content = (joined + content).strip()
        if content:
            yield start, content
        joined, start = "", 0
    if joined.strip():
        yield start, joined.strip()


def _requirements(
    line: str, folder: Path, local: Mapping[str, str]
) -> Iterator[Requirement | None]:
    """What a line asks for: mostly one package, nothing for an option, None if it is not read."""
    editable = _EDITABLE.fullmatch(line)
    if editable:
        yield _from_place(_unquoted(editable[1]), folder, local, editable=True)
        return
    if line.startswith("-"):
        return
    bare = _TRAILING_OPTION.split(line, maxsplit=1)[0].strip()
    if _parses(bare):
        parsed = Parsed(bare)
        marker = f" ; {parsed.marker}" if parsed.marker else ""
        direct = Requirement(parsed.name + marker, "", 0, install=(bare,)) if parsed.url else None
        yield direct or Requirement(bare, "", 0)
    elif _is_address(bare) or bare.startswith((".", "/")):
        yield _from_place(bare, folder, local, editable=False)
    else:
        words = bare.split()
        if len(words) > 1 and all(map(_parses, words)):  # kohya_ss 24: three on a line
            yield from (Requirement(word, "", 0) for word in words)
        else:
            yield None


def _from_place(
    place: str, folder: Path, local: Mapping[str, str], *, editable: bool
) -> Requirement | None:
    """The requirement that an address, a wheel or a folder stands for; None if unknown."""
    address, _, marker = place.partition(" ;")
    marker = f" ;{marker}" if marker else ""
    egg, wheel = _EGG.search(address), _WHEEL.search(unquote(address))
    if egg:
        name = egg[1] + (egg[2] or "")
    elif wheel:
        name = wheel[1]
    elif not _is_address(address):
        path = folder / address.split("[")[0]
        name = _own_name(path) or local.get(path.name)
        address = str(path)
    else:
        # A repository's name is the package's often, not always: only that it is there counts.
        name = address.split("#")[0].rstrip("/").removesuffix(".git").rsplit("/", 1)[-1]
        name = name.split("@")[0].removesuffix(".git")
    if name is None or not _parses(name + marker):
        return None
    install = ("-e", address) if editable else (address,)
    sure = bool(egg or wheel or not _is_address(address))
    return Requirement(name + marker, "", 0, install=install, name_is_known=sure)


def _own_name(folder: Path) -> str | None:
    """The distribution's name in the folder's `pyproject.toml`, `setup.cfg` or `setup.py`."""
    for file in ("pyproject.toml", "setup.cfg"):
        match = re.search(
            r"""^name\s*=\s*["']?([\w.-]+)""", text_or_empty(folder / file, _LIMIT_BYTES), re.M
        )
        if match:
            return match[1]
    try:
        tree = ast.parse(text_or_empty(folder / "setup.py", _LIMIT_BYTES))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setup"):
            for keyword in node.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return None


def _parses(text: str) -> bool:
    try:
        Parsed(text)
    except InvalidRequirement:
        return False
    return True


def _is_address(text: str) -> bool:
    return "://" in text or text.startswith("git+")


def _unquoted(text: str) -> str:
    try:
        words = shlex.split(text, posix="\\" not in text)
    except ValueError:
        words = []
    return words[0].strip("\"'") if len(words) == 1 else text.strip("\"' ")
