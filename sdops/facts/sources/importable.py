"""The top-level modules that an environment can import: its own, and Python's standard library."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator

from packaging.version import Version

from sdops import profile
from sdops.facts.files import is_folder, readable_entries, text_or_empty
from sdops.facts.types import PythonEnv

_SMALL_BYTES = 256 * 1024
_MAPPED = re.compile(r"['\"]([A-Za-z_]\w*)(?:\.[\w.]+)?['\"]\s*:\s*['\"]")
"""An entry of the table in setuptools' `__editable___…_finder.py`."""


def modules(env: PythonEnv) -> frozenset[str]:
    """The names of all top-level modules that `env` can import."""
    return frozenset((*_standard(env), *_installed(env.site_packages)))


def _standard(env: PythonEnv) -> set[str]:
    """The standard library of the environment's own version, as far as it differs from ours."""
    version = Version(env.version or "3.10")
    known = set(sys.stdlib_module_names) | set(sys.builtin_module_names)
    table = profile.load("stdlib")
    for row in table["removed"]:
        gone = version >= Version(row["since"])
        back = row.get("provided_by")
        if gone and not (back and env.distribution(back)):
            known.difference_update(row["modules"])
        else:
            known.update(row["modules"])
    for row in table["added"]:
        if version >= Version(row["since"]):
            known.update(row["modules"])
        else:
            known.difference_update(row["modules"])
    return known


def _installed(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        for entry in readable_entries(folder):
            name = entry.name
            if name.endswith(".pth"):
                yield from _from_pth(folder, entry.path)
            elif name.startswith("__editable__") and name.endswith("_finder.py"):
                yield from _MAPPED.findall(text_or_empty(entry.path, _SMALL_BYTES))
            else:
                yield from top_module(name, entry.path)


def _from_pth(folder: str, path: str) -> Iterator[str]:
    for line in text_or_empty(path, _SMALL_BYTES).splitlines():
        added = os.path.join(folder, line.strip())  # noqa: PTH118  (may hold anything)
        if line.strip() and not line.startswith(("import ", "import\t", "#")):
            for entry in readable_entries(added):
                yield from top_module(entry.name, entry.path)


def top_module(name: str, path: str) -> Iterator[str]:
    """The module that an entry of a folder on `sys.path` is, if it is one."""
    stem, dot, _ = name.partition(".")
    if not stem.isidentifier():
        return
    if (not dot and is_folder(path)) or name.endswith((".py", ".so", ".pyd", ".pyc")):
        yield stem
