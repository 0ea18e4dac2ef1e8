"""Compares the files of installed packages with what pip recorded of them (RECORD, PEP 376/627)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sdops.facts.files import is_folder, readable_entries, text_or_empty
from sdops.facts.types import DamagedPackage, Distribution

_LIMIT_BYTES = 8 * 1024 * 1024
_COMPILED = (".so", ".pyd", ".dll", ".dylib")
_LEFT_OUT = re.compile(r"(?:^|/)(?:tests?|testing|benchmarks?|examples?|docs?|__pycache__)(?:/|$)")
"""What slim images take away, and nobody misses."""
_LIBRARIES = re.compile(r"(?:^|/)(?:torch/lib|nvidia/cudnn/(?:lib|bin))/[^/]+$")
"""Where people copy cuDNN to."""
_CUDNN = re.compile(r"(?:lib)?cudnn[\w.]*(?:\.dll|\.so[\d.]*)", re.I)
_SHOWN = 8


def compare(
    distributions: Iterable[Distribution], names: frozenset[str]
) -> tuple[DamagedPackage, ...]:
    """Those of `distributions` called one of `names` whose files are not what was recorded."""
    found = []
    for dist in distributions:
        if dist.name not in names or dist.editable:
            continue
        folder = Path(dist.location)
        sizes = dict(_recorded(folder, dist))
        if not sizes:
            continue
        missing = tuple(_missing(folder, sizes))
        changed = tuple(_changed(folder, sizes))
        if missing or changed:
            found.append(
                DamagedPackage(dist.name, missing[:_SHOWN], len(missing), changed[:_SHOWN])
            )
    return tuple(found)


def _recorded(folder: Path, dist: Distribution) -> Iterator[tuple[str, int | None]]:
    """Paths, with `/`, and sizes in bytes of the files of `dist`."""
    name = "[-_.]+".join(map(re.escape, dist.name.split("-")))
    named = re.compile(rf"{name}-[^-]+\.dist-info", re.I)
    for entry in readable_entries(folder):
        if named.fullmatch(entry.name) is None:
            continue
        text = text_or_empty(Path(entry.path, "RECORD"), _LIMIT_BYTES)
        for row in csv.reader(text.splitlines()):
            if len(row) == 3:
                yield row[0].replace("\\", "/"), int(row[2]) if row[2].isdigit() else None


def _missing(folder: Path, sizes: dict[str, int | None]) -> Iterator[str]:
    """The files without which a package cannot be imported: its upper ones, and compiled code."""
    gone: dict[str, bool] = {}
    for name in sizes:
        if name.startswith(("../", "/")) or ".dist-info/" in name or _LEFT_OUT.search(name):
            continue
        if name.endswith(_COMPILED) or (name.endswith(".py") and name.count("/") <= 1):
            parent = name.rpartition("/")[0]
            if parent not in gone:
                gone[parent] = bool(parent) and not is_folder(folder / parent)
            if gone[parent] or not (folder / name).exists():
                yield name


def _changed(folder: Path, sizes: dict[str, int | None]) -> Iterator[str]:
    """Libraries of another size than was recorded, and cuDNN files that no wheel put there."""
    places = set()
    for name, size in sizes.items():
        if size is None or not _LIBRARIES.search(name):
            continue
        places.add(name.rpartition("/")[0])
        try:
            there = (folder / name).stat().st_size
        except OSError:
            continue
        if there != size:
            yield name
    for place in sorted(places):
        for entry in readable_entries(folder / place):
            if _CUDNN.fullmatch(entry.name) and f"{place}/{entry.name}" not in sizes:
                yield f"{place}/{entry.name}"
