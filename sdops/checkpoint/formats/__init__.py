"""File formats, one a module; a file is recognized by its content, never by its name.

A module has `recognize(head, source)`, which answers with the container or None, and
`read(source, container)`, which answers with the Contents.
"""

from __future__ import annotations

from typing import Protocol

from sdops.checkpoint.contents import Contents
from sdops.checkpoint.formats import (
    compressed,
    gguf,
    npy,
    pickles,
    plain,
    safetensors,
    seven_zip,
    tar,
    zips,
)
from sdops.checkpoint.source import Source
from sdops.checkpoint.types import Container

HEAD_BYTES = 1024


class Format(Protocol):
    """What a format's module offers."""

    CONTAINERS: frozenset[Container]
    """The kinds of file that `read` reads."""

    def recognize(self, head: bytes, source: Source, /) -> Container | None:
        """The kind of file `source` is, if it is one of this module's."""
        ...

    def read(self, source: Source, container: Container, /) -> Contents:
        """What is in `source`."""
        ...


PICKLES = pickles.CONTAINERS
# From certain to likely: a signature first, a guess last.
_FORMATS: tuple[Format, ...] = (
    zips, npy, gguf, compressed, seven_zip, tar, safetensors, plain, pickles,
)  # fmt: skip


def recognize(source: Source) -> Container:
    """What kind of file `source` is."""
    head = source.read(0, HEAD_BYTES)
    for module in _FORMATS:
        container = module.recognize(head, source)
        if container is not None:
            return container
    return Container.TEXT if plain.is_text(head) else Container.UNKNOWN


def read(source: Source, container: Container) -> Contents:
    """What is in `source`, read as `container`."""
    for module in _FORMATS:
        if container in module.CONTAINERS:
            return module.read(source, container)
    return Contents(container)
