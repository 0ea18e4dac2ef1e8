"""Reads which CUDA versions packages beside torch were compiled for, from their own files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from sdops.facts.files import readable_entries, text_or_empty
from sdops.facts.types import CompanionBuild

_LIMIT_BYTES = 64 * 1024
_STATED = re.compile(r"^cuda_version\s*=\s*['\"](\d+\.\d+)", re.M)
_LIBRARY = re.compile(r"libbitsandbytes_cuda(\d+)(\d)\.(?:so|dll)")


def read(folders: Iterable[str]) -> tuple[CompanionBuild, ...]:
    """What onnxruntime and bitsandbytes in the first of `folders` that has them were built for."""
    found: dict[str, CompanionBuild] = {}
    for folder in map(Path, folders):
        about = folder / "onnxruntime" / "capi" / "build_and_package_info.py"
        stated = _STATED.search(text_or_empty(about, _LIMIT_BYTES))
        if stated:
            found.setdefault("onnxruntime-gpu", CompanionBuild("onnxruntime-gpu", (stated[1],)))
        names = (entry.name for entry in readable_entries(folder / "bitsandbytes"))
        libraries = tuple(f"{each[1]}.{each[2]}" for each in map(_LIBRARY.fullmatch, names) if each)
        if libraries:
            found.setdefault("bitsandbytes", CompanionBuild("bitsandbytes", libraries))
    return tuple(found.values())
