"""Finds modules that several installed distributions put into the same folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import canonicalize_name

from sdops import profile
from sdops.facts.files import read_head, readable_entries
from sdops.facts.types import Distribution, ModuleOwners

_RECORD_LIMIT_BYTES = 4 * 1024 * 1024


def find(distributions: Iterable[Distribution]) -> tuple[ModuleOwners, ...]:
    """The modules among `profiles/colliding_modules.toml` that have several owners here."""
    installed = {distribution.name: distribution for distribution in distributions}
    found = []
    for row in profile.load("colliding_modules")["modules"]:
        candidates = [installed[name] for name in row["distributions"] if name in installed]
        if len(candidates) < 2:
            continue
        owners = tuple(each.name for each in candidates if _owns(each, row["module"]))
        if len(owners) > 1:
            found.append(ModuleOwners(row["module"], owners))
    return tuple(found)


def _owns(distribution: Distribution, module: str) -> bool:
    """Whether the distribution's own record lists files of `module`; true where it has none."""
    folder = _info_folder(distribution)
    if folder is None:
        return True
    try:
        record = read_head(folder / "RECORD", _RECORD_LIMIT_BYTES)
    except OSError:
        return True
    return re.search(rb"^\"?" + re.escape(module.encode()) + rb"(?:/|\.)", record, re.M) is not None


def _info_folder(distribution: Distribution) -> Path | None:
    for entry in readable_entries(distribution.location):
        stem, _, suffix = entry.name.rpartition(".")
        if suffix == "dist-info" and canonicalize_name(stem.partition("-")[0]) == distribution.name:
            return Path(entry.path)
    return None
