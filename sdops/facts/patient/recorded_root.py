"""Reads where an environment's own scripts believe it is: after a move, they are wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path, PureWindowsPath

from sdops.facts.files import readable_entries, text_or_empty
from sdops.paths import real

_ACTIVATE = re.compile(
    r"^\s*(?:export\s+|set\s+\"?)?VIRTUAL_ENV=(['\"]?)([^'\"$%\r\n]+?)\1\"?\s*$", re.M
)
_SHEBANG = re.compile(r"(?:^#!|^'''exec' )\"?(.+?)[/\\](?:bin|Scripts)[/\\]python[\w.]*\"?", re.M)
_SCRIPTS_READ = 10
_LIMIT_BYTES = 64 * 1024
_SHEBANG_BYTES = 512


def read(root: str) -> str | None:
    """The folder that the scripts of the environment at `root` name, or None if none does.

    It is `root` itself, as given, when both are the same folder. Sources: CPython
    `Lib/venv/scripts`, pypa/virtualenv `activation`, pypa/distlib `scripts.py` for long shebangs.
    """
    for folder in ("bin", "Scripts"):
        recorded = _from_activate(Path(root) / folder) or _from_shebang(Path(root) / folder)
        if recorded:
            break
    else:
        return None
    if bool(PureWindowsPath(recorded).drive) != (os.name == "nt"):
        return None  # another system's path: not comparable with this one's
    return root if _same_folder(recorded, root) else recorded


def _from_activate(scripts: Path) -> str | None:
    for name in ("activate", "activate.bat"):
        match = _ACTIVATE.search(text_or_empty(scripts / name, _LIMIT_BYTES))
        if match:
            return match[2]
    return None


def _from_shebang(scripts: Path) -> str | None:
    names = [entry.name for entry in readable_entries(scripts) if entry.name.startswith("pip")]
    for name in names[:_SCRIPTS_READ]:
        match = _SHEBANG.search(text_or_empty(scripts / name, _SHEBANG_BYTES))
        if match:
            return match[1]
    return None


def _same_folder(one: str, other: str) -> bool:
    return os.path.normcase(real(one)) == os.path.normcase(real(other))
