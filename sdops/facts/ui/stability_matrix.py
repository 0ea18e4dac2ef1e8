"""What Stability Matrix knows of a package: it starts UIs itself, with options of its own.

Source: LykosAI/StabilityMatrix, Data/settings.json (InstalledPackages, LaunchArgs).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sdops.facts.files import exists, text_or_empty

_LIMIT_BYTES = 4 * 1024 * 1024


def settings_file(root: Path) -> Path | None:
    """The manager's settings where `root` is one of its packages, else None."""
    file = root.parent.parent / "settings.json"
    return file if root.parent.name == "Packages" and exists(file) else None


def words(file: Path, root: Path) -> list[str]:
    """The options with which it starts the package in `root`."""
    found: list[str] = []
    for option in _options(file, root):
        name, value = option.get("Name"), option.get("OptionValue")
        if not isinstance(name, str) or not name.startswith("-") or value in (None, False, ""):
            continue
        found += [name] if value is True else [name, str(value)]
    return found


def _options(file: Path, root: Path) -> list[dict[str, Any]]:
    try:
        settings = json.loads(text_or_empty(file, _LIMIT_BYTES) or "{}")
    except (ValueError, RecursionError):
        return []
    packages = settings.get("InstalledPackages") if isinstance(settings, dict) else None
    for package in packages if isinstance(packages, list) else ():
        if not isinstance(package, dict):
            continue
        path = str(package.get("LibraryPath") or package.get("Path") or "")
        if path.replace("\\", "/").rstrip("/").rpartition("/")[2] == root.name:
            options = package.get("LaunchArgs")
            listed = options if isinstance(options, list) else []
            return [option for option in listed if isinstance(option, dict)]
    return []
