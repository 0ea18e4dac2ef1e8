"""Reads what xformers was built for, from its own `cpp_lib.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sdops.facts.files import read_text
from sdops.facts.patient.torch_build import constants
from sdops.facts.types import XformersBuild

_LIMIT_BYTES = 64 * 1024


def read(site_packages: Path, installed_version: str | None) -> XformersBuild | None:
    """The build of xformers in `site_packages`, or None where it is not installed.

    `cpp_lib.json` is `{"version": {"cuda": 1208, "hip": null, "torch": "2.10.0+cu128", "python":
    "3.10.19"}, "env": {"TORCH_CUDA_ARCH_LIST": "7.5 8.0+PTX 9.0a"}}` (read from the 0.0.35 wheel).

    Raises:
        OSError: one of its files is there but cannot be read.
        ValueError: one of its files is not what it should be.
    """
    folder = site_packages / "xformers"
    if not (folder / "__init__.py").exists():
        return None
    version = installed_version or _stated_version(folder) or "unknown"
    path = folder / "cpp_lib.json"
    if not path.exists():
        return XformersBuild(version)
    try:
        record = json.loads(read_text(path, _LIMIT_BYTES))
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is not JSON that can be read") from None
    built, environment = _table(record, "version"), _table(record, "env")
    architectures = _text(environment.get("TORCH_CUDA_ARCH_LIST")) or ""
    return XformersBuild(
        version=version,
        torch=_text(built.get("torch")),
        cuda=_dotted(built.get("cuda")),
        hip=_dotted(built.get("hip")),
        python=_text(built.get("python")),
        architectures=tuple(architectures.replace(";", " ").split()),
    )


def _stated_version(folder: Path) -> str | None:
    return constants(folder / "version.py").get("__version__")


def _table(record: Any, key: str) -> dict[str, Any]:
    value = record.get(key) if isinstance(record, dict) else None
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _dotted(value: Any) -> str | None:
    """1208, as torch counts CUDA versions, to `12.8`; a text as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value // 100}.{value % 100}"
    return _text(value)
