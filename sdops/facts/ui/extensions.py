"""Lists a user interface's extensions (A1111 family) or custom nodes (ComfyUI, InvokeAI)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sdops.facts.files import is_folder, readable_entries, text_or_empty
from sdops.facts.types import Extension
from sdops.facts.ui import git
from sdops.facts.ui.kinds import UiKind

_CONFIG_BYTES = 4 * 1024 * 1024
_EXTENSIONS = 500
_DISABLED = ".disabled"
_NOT_EXTENSIONS = ("__pycache__", ".git", ".disabled", "node_modules")


def read(kind: UiKind, root: Path) -> tuple[Extension, ...]:
    """The extensions installed in `root`, switched off ones too."""
    config = _config(root / kind.disabled_extensions_file) if kind.disabled_extensions_file else {}
    off = config.get("disabled_extensions")
    disabled = {name for name in off if isinstance(name, str)} if isinstance(off, list) else set()
    # modules/extensions.py of A1111: "all" and "extra" both leave out what the user installed.
    all_off = config.get("disable_all_extensions") in ("all", "extra")
    found = []
    for folder in kind.extension_folders:
        for path in _installed(root / folder):
            name = path.name.removesuffix(_DISABLED)
            enabled = not (all_off or name in disabled or path.name.endswith(_DISABLED))
            found.append(Extension(name, str(path), enabled, git.read(path)))
    if kind.disabled_extensions_folder:
        found += [
            Extension(path.name, str(path), enabled=False, git=git.read(path))
            for path in _installed(root / kind.disabled_extensions_folder)
        ]
    return tuple(found[:_EXTENSIONS])


def repositories(kind: UiKind, root: Path) -> tuple[Extension, ...] | None:
    """What the UI's start script has cloned for itself; None for a UI that does no such thing."""
    if kind.clone_folder is None:
        return None
    paths = _installed(root / kind.clone_folder)
    return tuple(Extension(path.name, str(path), git=git.read(path)) for path in paths)


def _installed(folder: Path) -> list[Path]:
    return [
        Path(entry.path)
        for entry in readable_entries(folder)[:_EXTENSIONS]
        if entry.name not in _NOT_EXTENSIONS and is_folder(entry.path)
    ]


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(text_or_empty(path, _CONFIG_BYTES) or "{}")
    except (ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}
