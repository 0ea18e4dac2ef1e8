"""Which files of a folder are, or may be, models: by suffix, else by the first bytes.

A UI's folder has thousands of files, and a look at each would take longer than all its models.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache

from sdops.checkpoint.files.source import Source
from sdops.checkpoint.types import Container
from sdops.profile import own_json

_NOT_ENTERED = (f"{os.sep}.git{os.sep}", f"{os.sep}node_modules{os.sep}",
                f"{os.sep}__pycache__{os.sep}", ".dist-info" + os.sep)  # fmt: skip
_SIGNATURES = (
    b"PK", b"\x93NUMPY", b"GGUF", b"\x89HDF", b"\x1f\x8b", b"\xfd7zXZ", b"BZh", b"7z\xbc",
    b"(\xb5/\xfd", b"\x04\x22\x4d\x18", b"\x80", b"x\x9c", b"x\xda", b"x\x01",
)  # fmt: skip
_HEAD_BYTES = 9


_TALKING = frozenset({Container.HDF5, Container.JSON, Container.GGUF, Container.TEXT,
                      Container.UNKNOWN})  # fmt: skip
MACHINE_CODE = (b"\x7fELF", b"MZ\x90\0", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa")


def may_hold(name: str, source: Source, container: Container) -> bool:
    """Whether programs that are not pickles may be in a file or member of this kind."""
    named = name.lower().endswith((".onnx", "saved_model.pb", ".jinja", ".jinja2", ".j2"))
    return named or container in _TALKING or source.read(0, 4).startswith(MACHINE_CODE)


@cache
def _words(key: str) -> frozenset[str]:
    return frozenset(" ".join(own_json("pickle/files")[key]).split())


def likely_models(names: Iterable[str]) -> Iterator[str]:
    """Those of `names` that may be models, and the configurations that loaders take code from."""
    beside: set[str] = set()
    sheets = []
    models, others, configurations = map(_words, ("models", "others", "configurations"))
    for name in names:
        folder, _, base = name.rpartition(os.sep)
        suffix = f".{base.rpartition('.')[2].lower()}" if "." in base else ""
        if suffix in models:
            beside.add(folder)
            yield name
        elif base in configurations:
            yield name
        elif suffix in (".yaml", ".yml"):
            sheets.append(name)
        elif suffix not in others and not _is_aside(name) and _looks_like_one(name):
            yield name
    yield from (name for name in sheets if name.rpartition(os.sep)[0] in beside)


def _is_aside(name: str) -> bool:
    return any(part in name for part in _NOT_ENTERED)


def _looks_like_one(name: str) -> bool:
    """By the first bytes; a file that cannot be opened is looked at, and reported, later."""
    try:
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return True
    try:
        head = os.read(descriptor, _HEAD_BYTES)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return head.startswith(_SIGNATURES) or head[8:9] == b"{"
