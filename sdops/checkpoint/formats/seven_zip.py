"""7z archives; `seven_zip_reader` reads them."""

from __future__ import annotations

from sdops.checkpoint.contents import Contents
from sdops.checkpoint.source import Source
from sdops.checkpoint.types import Container

CONTAINERS = frozenset({Container.SEVEN_ZIP})
_SIGNATURE = b"7z\xbc\xaf\x27\x1c"


def recognize(head: bytes, _source: Source) -> Container | None:
    """By its signature."""
    return Container.SEVEN_ZIP if head.startswith(_SIGNATURE) else None


def read(source: Source, container: Container) -> Contents:
    """The packed files as nested ones."""
    from sdops.checkpoint.formats.seven_zip_reader import fill

    contents = Contents(container)
    fill(contents, source)
    return contents
