"""File formats, one a module; a file is recognized by its content, never by its name.

A module has `recognize(head, source)`, which answers with the container or None, and
`read(source, container)`, which answers with the Contents. It is imported for a file that starts
as its own do, and not before: importing all of them takes longer than scanning a checkpoint.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, Protocol, cast

from sdops.checkpoint.files.source import Source
from sdops.checkpoint.formats import plain
from sdops.checkpoint.formats.contents import Contents
from sdops.checkpoint.types import Container

HEAD_BYTES = 1024


class _Module(Protocol):
    """What a format's module offers."""

    def recognize(self, head: bytes, source: Source, /) -> Container | None:
        """The kind of file `source` is, if it is one of this module's."""
        ...

    def read(self, source: Source, container: Container, /) -> Contents:
        """What is in `source`."""
        ...


class Format(NamedTuple):
    """A format's module, and which files it is for."""

    name: str
    """The module's."""
    containers: frozenset[Container]
    """The kinds of file that it reads."""
    starts: tuple[bytes, ...] = (b"",)
    """Only files that hold one of these can be its own; the module itself decides."""
    at: int = 0
    """How many bytes into the file they stand."""

    def recognize(self, head: bytes, source: Source) -> Container | None:
        """The kind of file `source` is, which starts with `head`, if it is of this format."""
        if not head.startswith(self.starts, self.at):
            return None
        return self._module().recognize(head, source)

    def read(self, source: Source, container: Container) -> Contents:
        """What is in `source`."""
        return self._module().read(source, container)

    def _module(self) -> _Module:
        return cast(_Module, import_module(f"{__name__}.{self.name}"))


def _format(
    name: str, *containers: Container, starts: tuple[bytes, ...] = (b"",), at: int = 0
) -> Format:
    return Format(name, frozenset(containers), starts, at)


TAR = _format(
    "tar", Container.TAR, Container.TORCH_TAR,
    # A header's checksum: octal digits after spaces or a sign, or a number in base 256.
    starts=tuple(bytes([byte]) for byte in (*b" \t\n\r\v\f+-01234567", *range(0x80, 0x100))),
    at=148,
)  # fmt: skip
PICKLES = _format("pickles", Container.PICKLE, Container.TORCH_LEGACY, Container.JOBLIB)
# From certain to likely: a signature first, a guess last.
FORMATS = (
    _format("zips", Container.TORCH_ZIP, Container.TORCHSCRIPT, Container.NPZ, Container.ZIP,
            Container.TRUNCATED, starts=(b"PK\x03\x04", b"PK\x05\x06")),
    _format("npy", Container.NPY, starts=(b"\x93NUMPY",)),
    _format("gguf", Container.GGUF, Container.HDF5, starts=(b"GGUF", b"\x89HDF")),
    _format("compressed", Container.GZIP, Container.XZ, Container.BZ2, Container.ZLIB,
            Container.LZMA, Container.ZSTD, Container.LZ4, Container.RAR,
            starts=(b"\x1f\x8b", b"\xfd7z", b"BZ", b"x", b"]\0", b"(\xb5", b"\x04\x22", b"Rar")),
    _format("seven_zip", Container.SEVEN_ZIP, starts=(b"7z",)),
    TAR,
    _format("safetensors", Container.SAFETENSORS, starts=(b"{",), at=8),
    _format("plain", Container.EMPTY, Container.LFS_POINTER, Container.HTML, Container.JSON,
            Container.TEXT, Container.IMAGE),
    PICKLES,
)  # fmt: skip


def recognize(source: Source) -> Container:
    """What kind of file `source` is."""
    head = source.read(0, HEAD_BYTES)
    for known in FORMATS:
        container = known.recognize(head, source)
        if container is not None:
            return container
    return Container.TEXT if plain.is_text(head) else Container.UNKNOWN


def read(source: Source, container: Container) -> Contents:
    """What is in `source`, read as `container`."""
    for known in FORMATS:
        if container in known.containers:
            return known.read(source, container)
    return Contents(container)
