"""Reads the header of a distribution's METADATA or PKG-INFO file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from sdops.facts.files import read_head

HEAD_BYTES = 32 * 1024
"""Holds the whole header of nearly every distribution."""
LIMIT_BYTES = 1024 * 1024
REQUIRES_LIMIT = 1000

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^(name|version|requires-python|requires-dist):(.*)$", re.I | re.M)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9A-Za-z.+!_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The fields of a distribution's metadata that matter here."""

    name: str
    """Normalized."""
    version: str
    requires: tuple[str, ...]
    requires_python: str | None


def read(path: Path) -> Metadata | None:
    """The metadata in the file at `path`, or None if it is junk.

    Raises:
        OSError: it is missing, not readable, or not a regular file.
    """
    head = read_head(path, HEAD_BYTES)
    if len(head) == HEAD_BYTES and _HEADER_END.search(head) is None:
        head = read_head(path, LIMIT_BYTES)
    return parse(head)


def parse(raw: bytes) -> Metadata | None:
    """The metadata whose header `raw` starts with, or None if it has no usable name and version.

    The format is that of the core metadata specification (packaging.python.org): an e-mail header,
    then an empty line, then the description. Requirements of extras are left out: whether an extra
    was asked for is not recorded anywhere.
    """
    end = _HEADER_END.search(raw)
    header = raw[: end.start()] if end else raw
    name = version = requires_python = ""
    requires: list[str] = []
    for key, value in _FIELD.findall(header):
        text = value.decode("utf-8", "replace").strip()
        match key.lower():
            case b"name":
                name = name or text
            case b"version":
                version = version or text
            case b"requires-python":
                requires_python = requires_python or text
            case _ if "extra ==" not in text and len(requires) < REQUIRES_LIMIT:
                requires.append(text)
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        return None
    return Metadata(canonicalize_name(name), version, tuple(requires), requires_python or None)
