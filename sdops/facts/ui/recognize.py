"""Tells which user interface a folder holds, by the files that only that one has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sdops.facts.files import exists, is_folder, readable_entries, text_or_empty
from sdops.facts.ui.kinds import Signature, UiKind, known
from sdops.facts.ui.stability_matrix import settings_file

_LIMIT_BYTES = 256 * 1024
_LEVELS = 40
_LEVELS_BELOW = 3
"""Stability Matrix keeps its packages in Data/Packages."""
_FOLDERS_BELOW = 300


@dataclass(frozen=True, slots=True)
class Recognized:
    """A folder that holds a user interface."""

    kind: UiKind
    root: Path
    layout: str


def recognize(folder: Path) -> Recognized | None:
    """The user interface in `folder`, or in the portable package that `folder` is, or None."""
    found = _best(folder)
    if found is not None:
        kind, signature = found
        return Recognized(kind, folder, signature.layout or layout(kind, folder))
    for package in {kind.portable for kind in known().values() if kind.portable}:
        # Without the package's Python it is just a folder that happens to hold a UI.
        packed = any(exists(folder / python) for python in package.pythons)
        inside = _best(folder / package.folder) if packed else None
        if inside is not None:
            return Recognized(inside[0], folder / package.folder, "portable")
    return None


def recognize_around(folder: Path) -> Recognized | None:
    """The user interface in `folder` or in the nearest folder above it, or None."""
    above = (folder, *folder.parents)[:_LEVELS]
    return next((found for each in above if (found := recognize(each)) is not None), None)


def recognize_below(folder: Path) -> tuple[Recognized, ...]:
    """The user interfaces a few levels below `folder`, all of the first level that holds one.

    What lies inside one that is found is not looked for: it is part of that.
    """
    found: list[Recognized] = []
    level = _folders(folder)
    for _ in range(_LEVELS_BELOW):
        rest = []
        for each in level:
            inside = recognize(each)
            if inside is None:
                rest.append(each)
            elif all(inside.root != other.root for other in found):
                found.append(inside)
        if found:
            break
        level = [below for each in rest for below in _folders(each)][:_FOLDERS_BELOW]
    return tuple(found)


def _folders(folder: Path) -> list[Path]:
    paths = (Path(entry.path) for entry in readable_entries(folder)[:_FOLDERS_BELOW])
    return [path for path in paths if not path.name.startswith(".") and is_folder(path)]


def layout(kind: UiKind, root: Path) -> str:
    """How a UI of `kind` is installed in `root`: `portable`, `git`, `pip` or `plain`."""
    if settings_file(root) is not None:
        return "stability-matrix"
    if kind.portable is not None and any(
        exists(root.parent / python) for python in kind.portable.pythons
    ):
        return "portable"
    if exists(root / ".git"):
        return "git"
    return "pip" if kind.distribution else "plain"


def _best(folder: Path) -> tuple[UiKind, Signature] | None:
    holding = [
        (kind, signature)
        for kind in known().values()
        for signature in kind.recognize
        if _holds(signature, folder)
    ]
    return max(holding, key=lambda pair: pair[1].weight, default=None)


def _holds(signature: Signature, folder: Path) -> bool:
    return all(exists(folder / marker) for marker in signature.markers) and all(
        text in text_or_empty(folder / path, _LIMIT_BYTES)
        for path, text in signature.contains.items()
    )
