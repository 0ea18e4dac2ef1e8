"""The names that a model file goes by: every hash that this ecosystem uses, in one read.

| name | what it is | source |
|---|---|---|
| sha256 | of the whole file | Hugging Face LFS, Civitai |
| AutoV2, A1111's short hash | its first 10 digits | A1111 modules/sd_models.py, Civitai |
| A1111's legacy hash, AutoV1 | of 64 KiB at offset 1 MiB, first 8 digits | A1111 model_hash |
| AutoV3, kohya's sshs_model_hash | of a safetensors file behind its header | kohya train_util.py |
| BLAKE3, CRC32 | of the whole file, on request | Civitai |
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sdops.checkpoint.files.cache import ResultCache
from sdops.errors import MissingDependencyError, UnreadableInputError
from sdops.shells import line_here

CHUNK_BYTES = 1024 * 1024
LEGACY_OFFSET = 0x100000
LEGACY_LENGTH = 0x10000
SAFETENSORS_HEADER_LIMIT = 100_000_000
"""safetensors refuses longer headers (safetensors/src/tensor.rs, MAX_HEADER_SIZE)."""

_OF_NOTHING = hashlib.sha256().hexdigest()
_FEWEST_DIGITS = 8

CACHE_VERSION = "2"


@dataclass(frozen=True, slots=True)
class FileHashes:
    """The hashes of one file, all in lower-case hexadecimal."""

    path: str
    size_bytes: int
    sha256: str
    a1111_legacy: str
    tensors_sha256: str | None = None
    """The sha256 of what follows the header; safetensors only."""
    blake3: str | None = None
    crc32: str | None = None

    @property
    def autov2(self) -> str:
        """Civitai's AutoV2: the first 10 digits of the sha256."""
        return self.sha256[:10]

    @property
    def a1111_short(self) -> str:
        """What A1111 shows in brackets behind a model's name; the same digits as AutoV2."""
        return self.sha256[:10]

    @property
    def autov3(self) -> str | None:
        """Civitai's AutoV3 and A1111's LoRA hash: 12 digits; metadata edits do not change it."""
        return self.tensors_sha256[:12] if self.tensors_sha256 else None

    def matches(self, digest: str) -> bool:
        """Whether `digest`, in any of these forms and any case, is this file's."""
        return self.matching(digest) is not None

    def matching(self, digest: str) -> str | None:
        """Which of these hashes `digest` is, in any case; None where it is none.

        The hash of nothing, which A1111's legacy hash of every small file is, matches nothing.
        """
        wanted = digest.lower()
        if len(wanted) < _FEWEST_DIGITS or _OF_NOTHING.startswith(wanted):
            return None
        own = {
            "sha256": self.sha256, "autov2": self.autov2, "kohya": self.tensors_sha256,
            "autov3": self.autov3, "blake3": self.blake3, "a1111_legacy": self.a1111_legacy,
            "crc32": self.crc32,
        }  # fmt: skip
        return next((name for name, known in own.items() if known == wanted), None)


_REMEMBERED = tuple(field.name for field in fields(FileHashes))[1:]


@dataclass(frozen=True, slots=True)
class Extras:
    """Hashes that cost extra time and are computed on request."""

    blake3: bool = False
    crc32: bool = False


class _Digest(Protocol):
    def update(self, data: Any, /) -> object: ...
    def hexdigest(self) -> str: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: Any, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


@dataclass(frozen=True, slots=True)
class _Window:
    """A digest of the bytes from `start` to `end` of a file that is read in order."""

    digest: _Digest
    start: int = 0
    end: int = sys.maxsize

    def wants(self, position: int, count: int) -> bool:
        return self.start < position + count and position < self.end

    def update(self, position: int, data: memoryview) -> None:
        first = max(0, self.start - position)
        last = min(len(data), max(0, self.end - position))
        if first < last:
            self.digest.update(data[first:last])


def _open_at_once(path: str, flags: int) -> int:
    """Opens without waiting: a named pipe in a model folder would wait for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def hash_file(
    path: Path,
    extras: Extras = Extras(),
    cache: ResultCache | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> FileHashes:
    """Every hash of the file at `path`, in one pass and constant memory.

    Args:
        path: a regular file, or a link to one.
        extras: hashes beyond the usual ones.
        cache: where results are remembered, made by this thread; None computes anew.
        advance: called with the number of bytes done, again and again.

    Raises:
        UnreadableInputError: it is not a readable file, or it changed while it was read.
        MissingDependencyError: BLAKE3 was asked for and is not installed.
    """
    known = remembered(path, extras, cache)
    if known is not None:
        advance(known.size_bytes)
        return known
    hashes, status = read_hashes(path, extras, advance)
    remember(hashes, status, cache)
    return hashes


def read_hashes(
    path: Path, extras: Extras = Extras(), advance: Callable[[int], None] = lambda _: None
) -> tuple[FileHashes, os.stat_result]:
    """What `hash_file` gives without a cache, and the state of the file; raises as it does."""
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise UnreadableInputError(f"{path} is not a file.")
            hashes = _compute(path, file, before.st_size, extras, advance)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise UnreadableInputError(f"{path} cannot be read: {error.strerror or error}.") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise UnreadableInputError(
            f"{path} changed while it was read.", "Wait until its download or copy has ended."
        )
    return hashes, before


def remembered(path: Path, extras: Extras, cache: ResultCache | None) -> FileHashes | None:
    """The hashes that were computed of `path` as it is now, if `cache` has them all."""
    if cache is None:
        return None
    try:
        value = cache.get(path, path.stat())
    except (OSError, ValueError):
        return None
    if value is None:
        return None
    hashes = FileHashes(str(path), *value)
    complete = (hashes.blake3 or not extras.blake3) and (hashes.crc32 or not extras.crc32)
    return hashes if complete else None


def remember(hashes: FileHashes, status: os.stat_result, cache: ResultCache | None) -> None:
    """Keeps `hashes`, of a file as it was in the state `status`, for the next run."""
    if cache is not None:
        values = [getattr(hashes, name) for name in _REMEMBERED]
        cache.put(hashes.path, status, values)


def _compute(
    path: Path, file: BinaryIO, size: int, extras: Extras, advance: Callable[[int], None]
) -> FileHashes:
    windows = {
        "sha256": _Window(hashlib.sha256()),
        "a1111_legacy": _Window(hashlib.sha256(), LEGACY_OFFSET, LEGACY_OFFSET + LEGACY_LENGTH),
    }
    data_start = _safetensors_data_start(file, size)
    if data_start is not None:
        windows["tensors_sha256"] = _Window(hashlib.sha256(), data_start)
    if extras.blake3:
        windows["blake3"] = _Window(_blake3())
    if extras.crc32:
        windows["crc32"] = _Window(_Crc32())
    read = _read_small if size < CHUNK_BYTES else _read_through
    size = read(file, tuple(windows.values()), advance)
    digits = {name: window.digest.hexdigest() for name, window in windows.items()}
    digits["a1111_legacy"] = digits["a1111_legacy"][:8]
    return FileHashes(path=str(path), size_bytes=size, **digits)


def _read_small(file: BinaryIO, windows: Sequence[_Window], advance: Callable[[int], None]) -> int:
    """Does what `_read_through` does, for a file that is read before a thread has started."""
    position = 0
    while data := file.read(CHUNK_BYTES):
        for window in windows:
            window.update(position, memoryview(data))
        position += len(data)
        advance(len(data))
    return position


def _read_through(
    file: BinaryIO, windows: Sequence[_Window], advance: Callable[[int], None]
) -> int:
    """Feeds every window that wants it, side by side: digests let go of Python's lock.

    Returns the size.
    """
    buffer = memoryview(bytearray(CHUNK_BYTES))
    position = 0
    with ThreadPoolExecutor(len(windows)) as threads:
        while count := file.readinto(buffer):  # type: ignore[attr-defined]
            data, start = buffer[:count], position
            wanting = [window for window in windows if window.wants(start, count)]
            others = [threads.submit(window.update, start, data) for window in wanting[1:]]
            wanting[0].update(start, data)
            for other in others:
                other.result()
            position += count
            advance(count)
    return position


def _safetensors_data_start(file: BinaryIO, size: int) -> int | None:
    """Where the tensors begin, in bytes, if the file looks like safetensors."""
    head = file.read(9)
    file.seek(0)
    length = int.from_bytes(head[:8], "little")
    plausible = len(head) == 9 and head[8:] == b"{" and 2 <= length <= SAFETENSORS_HEADER_LIMIT
    return 8 + length if plausible and 8 + length <= size else None


def _blake3() -> _Digest:
    try:
        import blake3
    except ImportError:
        raise MissingDependencyError(
            "BLAKE3 needs the package blake3, which is not installed.",
            f"Install it with: {line_here(['pip', 'install', 'sdops[blake3]'])}",
        ) from None
    return blake3.blake3()
