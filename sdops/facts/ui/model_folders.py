"""Finds the folders in which a user interface looks for model files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sdops.facts.files import is_folder, text_or_empty
from sdops.facts.probe import Probed
from sdops.facts.types import Argument, Gap, Setting
from sdops.facts.ui import yaml_file
from sdops.facts.ui.kinds import UiKind

_LIMIT_BYTES = 256 * 1024
_FOLDERS = 200


def find(
    kind: UiKind, root: Path, arguments: tuple[Argument, ...], settings: tuple[Setting, ...]
) -> Probed[Mapping[Path, str]]:
    """The model folders that exist, each with what it is for (`checkpoint`, `lora`, `any` …)."""
    found: dict[Path, str] = {}
    gaps: list[Gap] = []
    for path, purpose in _candidates(kind, root, arguments, settings, gaps):
        if len(found) < _FOLDERS and is_folder(path):
            found.setdefault(path, purpose)
    return Probed(found, tuple(gaps))


def _candidates(
    kind: UiKind,
    root: Path,
    arguments: tuple[Argument, ...],
    settings: tuple[Setting, ...],
    gaps: list[Gap],
) -> Iterator[tuple[Path, str]]:
    values = {each.flag: each.value for each in arguments if each.value}
    for base in (root, *(_at(root, values[flag]) for flag in kind.data_folder_flags
                         if flag in values)):  # fmt: skip
        for folder, purpose in kind.model_folders.items():
            yield base / folder, purpose
    for flag in kind.models_folder_flags:
        for folder, purpose in kind.model_folders.items():
            if flag in values and folder.startswith("models/"):
                yield _at(root, values[flag]) / folder.removeprefix("models/"), purpose
    for flag, purpose in kind.model_folder_flags.items():
        if flag in values:
            yield _at(root, values[flag]), purpose
    for setting in settings:
        if setting.name in kind.model_folder_settings:
            yield _at(root, setting.value), kind.model_folder_settings[setting.name]
    for file in (*kind.model_path_files, *filter(None, [values.get("--extra-model-paths-config")])):
        yield from _listed(kind, _at(root, file), gaps)


def _listed(kind: UiKind, file: Path, gaps: list[Gap]) -> Iterator[tuple[Path, str]]:
    """The folders in an `extra_model_paths.yaml` (ComfyUI utils/extra_config.py)."""
    purposes = {Path(folder).name: purpose for folder, purpose in kind.model_folders.items()}
    try:
        entries = yaml_file.read(text_or_empty(file, _LIMIT_BYTES))
    except ValueError as error:
        gaps.append(Gap("ui.model_folders", f"{file}: {error}"))
        return
    bases = {each.path[:-1]: each.value for each in entries if each.path[-1] == "base_path"}
    for each in entries:
        if each.path[-1] not in purposes:
            continue
        base = _at(file.parent, bases.get(each.path[:-1], ""))
        for line in each.value.splitlines():
            yield _at(base, line), purposes[each.path[-1]]


def _at(base: Path, path: str) -> Path:
    return base / os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111
