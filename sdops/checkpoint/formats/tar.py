"""Tar archives, and torch's own tar format before 0.2.

Headers are read with the standard library, as torch does. Source: torch/serialization.py
(`legacy_load`).
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from sdops.checkpoint.dtypes import BY_NAME, BY_STORAGE
from sdops.checkpoint.files.source import Part, Source
from sdops.checkpoint.formats.contents import Contents, Nested
from sdops.checkpoint.trace.streams import read_stream, read_streams
from sdops.checkpoint.trace.values import Global, Trace, Value
from sdops.checkpoint.types import Container, Storage, Tensor

if TYPE_CHECKING:
    from tarfile import TarInfo

_BLOCK = 512
_MAX_MEMBERS = 100_000
_TORCH_MEMBERS = frozenset({"storages", "tensors", "pickle"})


def recognize(head: bytes, source: Source) -> Container | None:
    """By the checksum of its first header, as Python's tarfile does."""
    if len(head) < _BLOCK or not _checksum_fits(head[:_BLOCK]):
        return None
    import tarfile

    try:
        names = {member.name for member in _members(source, limit=8)}
    except (tarfile.TarError, OverflowError, ValueError):
        return None
    return Container.TORCH_TAR if names >= _TORCH_MEMBERS else Container.TAR


def _checksum_fits(block: bytes) -> bool:
    """Whether the sum of a header's bytes is the one it states, in octal or in base 256."""
    stated = block[148:156]
    total = sum(block[:148]) + sum(block[156:]) + 256
    if stated[0] & 0x80:
        return int.from_bytes(stated[1:], "big") in (total, total - 256)
    try:
        number = int(stated.split(b"\0")[0].strip() or b"-1", 8)
    except ValueError:
        return False
    signed = 256 + sum(byte - 256 if byte > 127 else byte for byte in block[:148] + block[156:])
    return number in (total, signed)


def _members(source: Source, limit: int = _MAX_MEMBERS) -> list[TarInfo]:
    import tarfile

    from sdops.checkpoint.formats.tar_file import HeaderReader

    members: list[TarInfo] = []
    reader = HeaderReader(source)
    with tarfile.open(fileobj=reader, mode="r:", format=tarfile.PAX_FORMAT) as archive:
        while len(members) < limit and (member := archive.next()) is not None:
            members.append(member)
            archive.members = []  # type: ignore[attr-defined]  # else it remembers every member
    return members


def read(source: Source, container: Container) -> Contents:
    """The members as nested files; for torch's tar also its storages and tensors."""
    import tarfile

    contents = Contents(container)
    try:
        members = _members(source)
    except (tarfile.TarError, OverflowError, ValueError) as error:
        contents.problem("damaged", f"The archive is damaged: {error}.", blocking=True)
        return contents
    if len(members) >= _MAX_MEMBERS:
        contents.problem("unpacking-limit", "The archive has too many members.", blocking=True)
    names: set[str] = set()
    parts = {}
    for member in members:
        if member.issym() or member.islnk() or member.isdev():
            contents.problem("archive-link", "A member is a link or a device.", hostile=True,
                             member=member.name)  # fmt: skip
        if member.name in names:
            contents.problem("archive-ambiguous", "Two members have the same name.", hostile=True,
                             member=member.name)  # fmt: skip
        if member.name.startswith("/") or ".." in member.name.split("/"):
            contents.problem("archive-ambiguous", "A member's name leads out of the archive.",
                             member=member.name, hostile=True)  # fmt: skip
        names.add(member.name)
        if member.issparse():
            contents.problem("damaged", "A member is stored with holes.", member=member.name,
                             hostile=True, blocking=True)  # fmt: skip
        elif member.isreg():
            part = Part(source, member.offset_data, member.size)
            known = container is Container.TORCH_TAR and member.name in _TORCH_MEMBERS
            parts[member.name] = part
            if not known or member.name in names - {member.name}:
                contents.nested.append(Nested(member.name, partial(Part, part, 0, part.size)))
    if container is Container.TORCH_TAR:
        _read_torch(parts, contents)
    return contents


def _read_torch(parts: dict[str, Part], contents: Contents) -> None:
    """Torch before 0.2: storages, then tensors, then the pickle that refers to them by number."""
    member = "storages"
    try:
        _read_storages(parts[member], contents)
        member = "tensors"
        _read_tensors(parts[member], contents)
    except (_StopReadingError, struct.error, KeyError):
        contents.problem("damaged", f"The member {member} is damaged.", member=member,
                         blocking=True)  # fmt: skip
    for number, trace in enumerate(read_streams(parts["pickle"])):
        trace.member = "pickle"
        contents.traces.append(trace)
        if number == 0:
            contents.main = trace


class _StopReadingError(Exception):
    pass


def _next(part: Part, offset: int, member: str, contents: Contents) -> Trace:
    trace = read_stream(part, offset)
    trace.member = member
    contents.traces.append(trace)
    if not trace.complete or len(contents.traces) > _MAX_MEMBERS:
        contents.traces.extend(read_streams(part, trace.fault_offset + 1))
        raise _StopReadingError
    return trace


def _read_storages(part: Part, contents: Contents) -> None:
    trace = _next(part, 0, "storages", contents)
    for _ in range(_count(trace.root)):
        trace = _next(part, trace.end, "storages", contents)
        key, kind = _triple(trace.root)[0], _triple(trace.root)[2]
        dtype = BY_STORAGE[kind.name if isinstance(kind, Global) else ""]
        (elements,) = struct.unpack("<q", part.read(trace.end, 8))
        size = elements * dtype.size_bytes
        if not 0 <= size <= part.size:
            raise _StopReadingError
        storage = Storage(str(key), dtype.name, part.offset + trace.end + 8, size)
        contents.storages[storage.key] = storage
        trace.end += 8 + size
    views = _next(part, trace.end, "storages", contents).root
    for view in views if isinstance(views, (list, tuple)) else ():
        storage = _view(view, contents)
        contents.storages[storage.key] = storage


def _view(view: Value, contents: Contents) -> Storage:
    """A storage that is a part of another: its key, the other's, its first element, its length."""
    if not isinstance(view, (tuple, list)) or len(view) != 4:
        raise _StopReadingError
    key, root, first, count = view
    whole = contents.storages[str(root)]
    item = BY_NAME[whole.dtype].size_bytes
    if type(first) is not int or type(count) is not int or first < 0 or count < 0:
        raise _StopReadingError
    if whole.offset is None or (first + count) * item > whole.size_bytes:
        raise _StopReadingError
    return Storage(str(key), whole.dtype, whole.offset + first * item, count * item)


def _read_tensors(part: Part, contents: Contents) -> None:
    trace = _next(part, 0, "tensors", contents)
    for _ in range(_count(trace.root)):
        trace = _next(part, trace.end, "tensors", contents)
        key, storage_key, _ = _triple(trace.root)
        (dimensions,) = struct.unpack("<i4x", part.read(trace.end, 8))
        if not 0 <= dimensions <= 64:
            raise _StopReadingError
        layout = struct.Struct(f"<{dimensions}q{dimensions}qq")
        numbers = layout.unpack(part.read(trace.end + 8, layout.size))
        if min(numbers) < 0:
            raise _StopReadingError
        storage = contents.storages[str(storage_key)]
        contents.objects[str(key)] = Tensor(
            str(key), storage.dtype, numbers[:dimensions], numbers[dimensions:-1], storage,
            storage_offset=numbers[-1],
        )  # fmt: skip
        trace.end += 8 + layout.size


def _count(root: Value) -> int:
    if type(root) is not int or not 0 <= root <= _MAX_MEMBERS:
        raise _StopReadingError
    return root


def _triple(root: Value) -> tuple[Value, Value, Value]:
    if not isinstance(root, (tuple, list)) or len(root) != 3:
        raise _StopReadingError
    return root[0], root[1], root[2]
