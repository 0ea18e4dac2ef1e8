"""Writes a minimal, clean torch checkpoint for old UIs that read nothing else.

The pickle names OrderedDict, torch._utils._rebuild_tensor_v2 and torch's storage classes; for types
that have none (fp8, uint16 …) _rebuild_tensor_v3 and the type.
Source of the layout: torch/serialization.py `_save`, caffe2/serialize/inline_container.cc.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, cast

from sdops.checkpoint.dtypes import BY_NAME
from sdops.checkpoint.write.layout import Outgoing

_ALIGNMENT = 64
_FOLDER = "archive"
_DATE = (1980, 1, 1, 0, 0, 0)
_ZIP64_EXTRA_BYTES = 20
_LOCAL_HEADER_BYTES = 30

Content = Callable[[Outgoing], Iterator[bytes | memoryview]]


def write_torch_zip(file: BinaryIO, tensors: Sequence[Outgoing], content: Content) -> int:
    """Writes `tensors` into `file` as torch.save would write a dict of them; returns its size.

    Args:
        file: a raw file, open for writing; what it held or reserved before is cut off.
        tensors: in the order in which they are written.
        content: gives the little-endian bytes of one, in pieces.
    """
    # A raw file may write less than it is given, which zipfile does not expect.
    buffered = io.BufferedRandom(cast(io.RawIOBase, file))
    with zipfile.ZipFile(buffered, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        _add(archive, "data.pkl", iter([pickled(tensors)]))
        _add(archive, "byteorder", iter([b"little"]))
        for number, tensor in enumerate(tensors):
            _add(archive, f"data/{number}", content(tensor))
        _add(archive, "version", iter([b"3\n"]))
    size = buffered.seek(0, io.SEEK_CUR)
    buffered.truncate(size)
    buffered.flush()
    buffered.detach()
    return size


def size_of(tensors: Sequence[Outgoing]) -> int:
    """At least as many bytes as the file will have."""
    overhead = 2 * (_LOCAL_HEADER_BYTES + 64) + 2 * _ALIGNMENT + _ZIP64_EXTRA_BYTES
    data = sum(tensor.size_bytes + overhead for tensor in tensors)
    return data + len(pickled(tensors)) + 64 * 1024


def is_written_with(path: str, tensors: Sequence[Outgoing]) -> bool:
    """Whether the archive at `path` has the members and the pickle that `tensors` would give it."""
    wanted = pickled(tensors)
    numbers = {f"{_FOLDER}/data/{number}" for number in range(len(tensors))}
    names = numbers | {f"{_FOLDER}/{name}" for name in ("data.pkl", "byteorder", "version")}
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.getinfo(f"{_FOLDER}/data.pkl")
            return (
                set(archive.namelist()) == names
                and found.file_size == len(wanted)
                and archive.read(found) == wanted
            )
    except (KeyError, NotImplementedError, zipfile.BadZipFile):
        return False


def pickled(tensors: Sequence[Outgoing]) -> bytes:
    """The state dict as a protocol 2 pickle."""
    items = b"".join(
        _text(tensor.name) + _tensor(number, tensor) for number, tensor in enumerate(tensors)
    )
    return b"\x80\x02" + _EMPTY + b"(" + items + b"u."


def _tensor(number: int, tensor: Outgoing) -> bytes:
    """The call that rebuilds a tensor; types without a storage class are views of bytes."""
    kind = BY_NAME[tensor.dtype]
    count = tensor.size_bytes // kind.size_bytes if kind.storage else tensor.size_bytes
    storage = _global("torch", kind.storage) if kind.storage else _UNTYPED
    identity = (
        b"(" + _text("storage") + storage + _text(str(number)) + _text("cpu") + _integer(count)
    )
    sizes = _integer(0) + _sizes(tensor.shape) + _sizes(_stride(tensor))
    arguments = b"(" + identity + b"tQ" + sizes + b"\x89" + _EMPTY
    if kind.storage:
        return _global("torch._utils", "_rebuild_tensor_v2") + arguments + b"tR"
    dtype = _global("torch", tensor.dtype)
    return _global("torch._utils", "_rebuild_tensor_v3") + arguments + dtype + b"tR"


def _stride(tensor: Outgoing) -> tuple[int, ...]:
    stride: list[int] = []
    step = 1
    for size in reversed(tensor.shape):
        stride.append(step)
        step *= max(size, 1)
    return tuple(reversed(stride))


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


_EMPTY = _global("collections", "OrderedDict") + b")R"
_UNTYPED = _global("torch.storage", "UntypedStorage")


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"X" + len(data).to_bytes(4, "little") + data


def _integer(value: int) -> bytes:
    if value < 2**31:
        return b"J" + value.to_bytes(4, "little", signed=True)
    data = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def _sizes(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_integer, values)) + b"t"


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterator[bytes | memoryview]) -> None:
    """Adds a stored member whose data begins at a multiple of 64 bytes, as torch's do."""
    info = zipfile.ZipInfo(f"{_FOLDER}/{name}", _DATE)
    assert archive.fp is not None
    before = _LOCAL_HEADER_BYTES + len(info.filename) + 4 + _ZIP64_EXTRA_BYTES
    padding = -(archive.fp.tell() + before) % _ALIGNMENT
    info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
    with archive.open(info, "w", force_zip64=True) as member:
        for piece in pieces:
            member.write(piece)
