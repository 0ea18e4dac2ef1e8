"""A source as a file, for Python's tarfile."""

from __future__ import annotations

import io
import tarfile

from sdops.checkpoint.files.source import Source

_MAX_HEADER_READ = 1 << 20


class HeaderReader(io.RawIOBase):
    """A source as a file that gives no more than a tar header may need at once."""

    def __init__(self, source: Source) -> None:
        self._source, self._at = source, 0

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to `offset` from the start, from here, or from the end."""
        self._at = offset if whence == 0 else offset + (self._at if whence == 1 else self.size)
        return self._at

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._source.size

    def tell(self) -> int:
        """Where the next read starts."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; raises ReadError where that is more than a header has."""
        if not 0 <= size <= _MAX_HEADER_READ:
            raise tarfile.ReadError("a header is too long")
        data = self._source.read(self._at, size)
        self._at += len(data)
        return data
