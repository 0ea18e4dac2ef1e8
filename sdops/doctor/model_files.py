"""Looks at the files in a UI's model folders by content, a few reads each, never the weights."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from sdops.checkpoint.open import sniff
from sdops.facts.probe import Probed
from sdops.facts.types import Gap, ModelFile, UiInstall
from sdops.paths import real

SUFFIXES = frozenset({".ckpt", ".safetensors", ".pt", ".pth", ".bin", ".gguf", ".sft", ".pkl"})
FILE_LIMIT = 5000
"""A collection larger than this is for `sdops models`; the doctor is quick."""
TIME_LIMIT_S = 4.0


def look(interface: UiInstall) -> Probed[tuple[ModelFile, ...]]:
    """The model files of `interface`, each with its kind by content."""
    deadline = time.monotonic() + TIME_LIMIT_S
    files: list[ModelFile] = []
    gaps: list[Gap] = []
    for path in _candidates(interface.model_folders, gaps):
        if len(files) >= FILE_LIMIT or time.monotonic() > deadline:
            gaps.append(Gap("model_files", f"only the first {len(files)} model files were read"))
            break
        try:
            files.append(sniff(path))
        except OSError as error:
            gaps.append(Gap("model_files", f"{path} cannot be read: {error.strerror or error}"))
    return Probed(tuple(files), tuple(gaps))


def _candidates(folders: tuple[str, ...], gaps: list[Gap]) -> Iterator[Path]:
    """The files to look at, once each; a folder that cannot be read becomes one of `gaps`."""

    def note(error: OSError) -> None:
        gaps.append(Gap("model_files", f"{error.filename} cannot be read: {error.strerror}"))

    seen: set[str] = set()
    for folder in folders:
        for here, _, names in os.walk(folder, onerror=note):
            for name in sorted(names):
                path = Path(here, name)
                place = real(path)
                if path.suffix.lower() in SUFFIXES and path.is_file() and place not in seen:
                    seen.add(place)
                    yield path
