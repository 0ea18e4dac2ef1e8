"""Lists what is installed in a site-packages folder, without importing from it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from sdops.facts.credentials import hide_credentials
from sdops.facts.files import entries, read_text, text_or_empty
from sdops.facts.patient import metadata
from sdops.facts.patient.metadata import Metadata
from sdops.facts.types import Distribution

_SMALL_FILE_BYTES = 64 * 1024
_LEFTOVER = "~"
"""pip renames what it removes so: `torch` becomes `~orch` (pip, `_internal/utils/temp_dir.py`)."""


@dataclass(frozen=True, slots=True)
class SitePackages:
    """One site-packages folder."""

    path: str
    distributions: tuple[Distribution, ...]
    leftovers: tuple[str, ...]
    unreadable: tuple[str, ...]
    """Names of metadata folders and files that tell nothing."""
    pth_files: tuple[str, ...]
    """Paths of the `.pth` files."""


def read(folder: str) -> SitePackages:
    """What is installed in `folder`.

    Raises:
        OSError: the folder is missing or not readable.
    """
    distributions, leftovers, unreadable, pth_files = [], [], [], []
    for entry in entries(folder):
        name = entry.name
        if name.startswith(_LEFTOVER):
            leftovers.append(name)
        elif name.endswith(".pth"):
            pth_files.append(entry.path)
        elif name.endswith((".dist-info", ".egg-info", ".egg-link", ".egg")):
            found = _distribution(Path(entry.path))
            if found is None:
                unreadable.append(name)
            else:
                distributions.append(found)
    return SitePackages(
        folder, tuple(distributions), tuple(leftovers), tuple(unreadable), tuple(pth_files)
    )


def _distribution(path: Path) -> Distribution | None:
    try:
        found = _metadata(path)
    except (OSError, ValueError):
        return None
    if found is None:
        return None
    url, editable = _direct_url(path)
    return Distribution(
        name=found.name,
        version=found.version,
        location=str(path.parent),
        requires=found.requires,
        requires_python=found.requires_python,
        direct_url=url,
        editable=editable or path.suffix == ".egg-link",
    )


def _metadata(path: Path) -> Metadata | None:
    match path.suffix:
        case ".dist-info":
            return metadata.read(path / "METADATA")
        case ".egg":
            return metadata.read(path / "EGG-INFO" / "PKG-INFO")
        case ".egg-link":
            # An old editable install: the first line is the folder of the sources.
            source = next(iter(read_text(path, _SMALL_FILE_BYTES).splitlines()), "").strip()
            stem = re.sub(r"[-.]+", "_", path.stem)
            return metadata.read(Path(source, f"{stem}.egg-info", "PKG-INFO"))
        case _:
            # A folder from setuptools, a single file from distutils.
            return metadata.read(path / "PKG-INFO" if path.is_dir() else path)


def _direct_url(path: Path) -> tuple[str | None, bool]:
    """Where pip took the distribution from, and whether it is editable (PEP 610)."""
    text = text_or_empty(path / "direct_url.json", _SMALL_FILE_BYTES)
    try:
        record = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None, False
    if not isinstance(record, dict) or not isinstance(record.get("url"), str):
        return None, False
    folder = record.get("dir_info")
    editable = isinstance(folder, dict) and folder.get("editable") is True
    return hide_credentials(record["url"]), editable
