"""Zip archives: torch's format since 1.6, TorchScript, numpy's .npz, and any other.

Source: torch/serialization.py (`_load`), caffe2/serialize/inline_container.cc.
"""

from __future__ import annotations

import zlib
from functools import partial

from sdops.checkpoint.files.source import Allowance, BudgetError, Part, Source
from sdops.checkpoint.formats.contents import Contents, Nested
from sdops.checkpoint.formats.pickles import element_type, storage_claims
from sdops.checkpoint.formats.zip_checks import AMBIGUOUS, Pair, archive_problems
from sdops.checkpoint.formats.zip_reader import (
    FLAG_ENCRYPTED,
    LOCAL,
    LOCAL_SIGNATURE,
    STORED,
    Archive,
    Local,
    Member,
    ZipError,
    as_zipfile_reads,
    packed,
    read_archive,
    read_local,
)
from sdops.checkpoint.trace.streams import read_stream, read_streams
from sdops.checkpoint.types import Container, Storage
from sdops.errors import UnreadableInputError

_PACKAGE_RECORD = "/.data/extern_modules"
_CHECKED_BYTES = 16 << 20
_PIECE = 1 << 20
_SALVAGED_BYTES = 8 << 20
_SALVAGED_MEMBERS = 1000


def recognize(head: bytes, source: Source) -> Container | None:
    """By its first local header (an end record alone is an empty archive)."""
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None
    try:
        return _kind(read_archive(source))
    except ZipError:
        return Container.TRUNCATED


def _kind(archive: Archive) -> Container:
    # torch asks for `constants.pkl` in the archive's own folder, in exactly this spelling.
    folder = archive.members[0].name.partition("/")[0] if archive.members else ""
    if any(member.name == f"{folder}/constants.pkl" for member in archive.members):
        return Container.TORCHSCRIPT
    names = {member.name.rpartition("/")[2].lower() for member in archive.members}
    if "data.pkl" in names:
        return Container.TORCH_ZIP
    if names and all(name.endswith(".npy") for name in names):
        return Container.NPZ
    return Container.ZIP


def read(source: Source, container: Container) -> Contents:
    """Pickles, storages and nested files of the archive, and what is wrong with it."""
    contents = Contents(container)
    try:
        archive = read_archive(source)
    except ZipError as error:
        problem_id = "truncated" if container is Container.TRUNCATED else "damaged"
        contents.problem(problem_id, str(error), blocking=True)
        _salvage(source, contents)
        return contents
    # Over a network, a header before each of a thousand weights would take a request each.
    sparse = getattr(source, "costly", False)
    pairs = [
        (member, read_local(archive, member))
        for member in archive.members
        if not (sparse and is_weights(member))
    ]
    contents.problems.extend(archive_problems(archive, pairs))
    if any(problem.hostile for problem in contents.problems):
        _salvage(source, contents)
        other = as_zipfile_reads(source, archive.end)
        if other is not None:
            for member in other.members:
                _nest(other, member, read_local(other, member), contents)
    if any(member.name.endswith(_PACKAGE_RECORD) for member in archive.members):
        contents.problem("torch-package", "The archive brings Python programs of its own"
                         " (torch.package), which loading it may run.", hostile=True)  # fmt: skip
    if container in (Container.TORCH_ZIP, Container.TORCHSCRIPT):
        if sparse:
            pairs += [(member, None) for member in archive.members if is_weights(member)]
        _read_torch(archive, pairs, contents)
    else:
        for member, local in pairs:
            _nest(archive, member, local, contents)
    return contents


def _salvage(source: Source, contents: Contents) -> None:
    """What readers find that go from one local header to the next."""
    data = source.read(0, _SALVAGED_BYTES)
    starts: list[int] = []
    found = data.find(LOCAL_SIGNATURE)
    while found >= 0 and len(starts) < _SALVAGED_MEMBERS:
        starts.append(found)
        found = data.find(LOCAL_SIGNATURE, found + 4)
    ends = [*starts[1:], source.size]
    for start, end in zip(starts, ends, strict=False):
        if start + LOCAL.size > len(data):
            return
        fields = LOCAL.unpack_from(data, start)
        offset = start + LOCAL.size + fields[9] + fields[10]
        part = Part(source, offset, end - offset)
        name = data[start + LOCAL.size :][: fields[9]].decode("utf-8", "replace")
        contents.nested.append(Nested(name, partial(_salvaged, part, fields[3], contents)))


def _salvaged(part: Part, method: int, contents: Contents) -> Source | None:
    if method == STORED:
        return part
    try:
        return _unpacked(part, method)
    except ZipError:
        return None  # the file is already reported as cut off
    except BudgetError as error:
        contents.problem("unpacking-limit", str(error), hostile=True, blocking=True)
        return None


def missing_bytes(source: Source) -> int | None:
    """At least how much is missing from a cut-off torch archive, by the pickle at its start."""
    head = source.read(0, LOCAL.size + (1 << 16))
    if len(head) < LOCAL.size:
        return None
    fields = LOCAL.unpack_from(head)
    offset = LOCAL.size + fields[9] + fields[10]
    if not head[LOCAL.size : LOCAL.size + fields[9]].endswith(b"/data.pkl") or fields[3] != STORED:
        return None
    trace = read_stream(Part(source, offset, source.size - offset))
    claims = storage_claims(trace).values()
    weights = sum(element_type(kind).size_bytes * count for kind, count in claims)
    lacking = offset + trace.end + weights - source.size
    return lacking if trace.complete and lacking > 0 else None


def _read_torch(archive: Archive, pairs: list[Pair], contents: Contents) -> None:
    folder = archive.members[0].name.partition("/")[0]
    prefix, weights = f"{folder}/", {}
    for member, local in pairs:
        base = member.name.removeprefix(prefix)
        if base.lower().endswith(".pkl"):
            _read_pickle(archive, member, local, contents, main=base.lower() == "data.pkl")
        elif is_weights(member):
            weights[base.removeprefix("data/")] = (member, local)
        elif base not in _SMALL_RECORDS:
            _nest(archive, member, local, contents)
    big_endian = _is_big_endian(archive, pairs, contents)
    sizes = storage_sizes(contents)
    for key, (member, local) in weights.items():
        if key not in sizes or member.method != STORED:
            _nest(archive, member, local or read_local(archive, member), contents)
        if key in sizes:
            _add_storage(contents, key, member, local, sizes[key], big_endian)
    for key in sizes.keys() - weights.keys():
        contents.problem("storage-missing", f"The weights of storage {key[:80]} are missing.",
                         blocking=False)  # fmt: skip


class Members:
    """The storages in torch's archive, found by their keys."""

    def __init__(self, source: Source) -> None:
        """Reads the archive's directory, once.

        Raises:
            UnreadableInputError: it is damaged.
        """
        try:
            self._archive = read_archive(source)
        except ZipError as error:
            raise UnreadableInputError(f"The archive cannot be read: {error}") from None
        self._folder = self._archive.members[0].name.partition("/")[0]
        self._members = {member.name: member for member in self._archive.members}

    def unpacked(self, key: str, wanted_bytes: int) -> Source:
        """The bytes of the storage `key`.

        Args:
            key: torch's storage key.
            wanted_bytes: how many it may have where the archive's size would not allow as many.

        Raises:
            UnreadableInputError: there is no such storage, or it cannot be unpacked.
        """
        from sdops.checkpoint.formats.unpacking import inflate, spool

        member = self._members.get(f"{self._folder}/data/{key}")
        local = read_local(self._archive, member) if member is not None else None
        if member is None or local is None:
            raise UnreadableInputError(f"The storage {key[:80]} is missing in the file.")
        part = packed(self._archive, member, local)
        if member.method == STORED:
            return part
        try:
            source = spool(inflate(part, member.method), Allowance(part.size, wanted_bytes))
        except (ZipError, BudgetError) as error:
            reason = f"The storage {key[:80]} cannot be unpacked: {error}"
            raise UnreadableInputError(reason) from None
        if source.size != member.size:
            reason = f"The storage {key[:80]} is not as long as the archive's directory says."
            raise UnreadableInputError(reason)
        return source


_SMALL_RECORDS = frozenset(
    {"version", ".format_version", ".storage_alignment", "byteorder", ".data/serialization_id"}
)


def is_weights(member: Member) -> bool:
    """Whether its name is that of a storage: `folder/data/key`."""
    return is_storage(member.name)


def is_storage(name: str) -> bool:
    """Whether a member's name is `folder/data/key`."""
    parts = name.split("/")
    return len(parts) == 3 and parts[1] == "data"


def storage_sizes(contents: Contents) -> dict[str, tuple[str, int]]:
    """By storage key: dtype's name and size in bytes, as the pickles claim them, the main first."""
    sizes: dict[str, tuple[str, int]] = {}
    for trace in sorted(contents.traces, key=lambda trace: trace is not contents.main):
        for key, (kind, count) in storage_claims(trace).items():
            dtype = element_type(kind)
            sizes.setdefault(key, (dtype.name, count * dtype.size_bytes))
    return sizes


def _add_storage(
    contents: Contents,
    key: str,
    member: Member,
    local: Local | None,
    claimed: tuple[str, int],
    big_endian: bool,
) -> None:
    dtype, size = claimed
    if size != member.size:
        contents.problem("storage-size",
                         f"A storage has {member.size} bytes; the pickle claims {size}.",
                         member=member.name, hostile=True)  # fmt: skip
    offset = local.data_offset if local is not None and member.method == STORED else None
    contents.storages[key] = Storage(key, dtype, offset, member.size, big_endian)


def _is_big_endian(archive: Archive, pairs: list[Pair], contents: Contents) -> bool:
    folder = archive.members[0].name.partition("/")[0]
    for member, local in pairs:
        if member.name == f"{folder}/byteorder":
            source = _open(archive, member, local, contents)
            return source is not None and source.read(0, 8) == b"big"
    return False


def _read_pickle(
    archive: Archive, member: Member, local: Local | None, contents: Contents, *, main: bool
) -> None:
    source = _open(archive, member, local, contents)
    if source is None:
        return
    for number, trace in enumerate(read_streams(source)):
        trace.member = member.name
        contents.traces.append(trace)
        if main and number == 0 and contents.main is None:
            contents.main = trace


def _nest(archive: Archive, member: Member, local: Local | None, contents: Contents) -> None:
    if member.name.endswith("/") and member.size == 0:
        return
    unpack = partial(_open, archive, member, local, contents)
    contents.nested.append(Nested(member.name, unpack))


def _open(
    archive: Archive, member: Member, local: Local | None, contents: Contents
) -> Source | None:
    """The member's bytes, unpacked within budgets; None where they are not available."""
    if local is None:
        contents.problem("damaged", "A member has no local header.", member=member.name,
                         blocking=True)  # fmt: skip
        return None
    part = packed(archive, member, local)
    if member.method == STORED:
        source: Source = part
    elif member.flags & FLAG_ENCRYPTED:
        contents.problem("encrypted", "A member is encrypted.", member=member.name, blocking=True)
        return None
    else:
        try:
            source = _unpacked(part, member.method)
        except BudgetError as error:
            contents.problem("unpacking-limit", str(error), member=member.name, hostile=True,
                             blocking=True)  # fmt: skip
            return None
        except ZipError as error:
            contents.problem("damaged", str(error), member=member.name, blocking=True)
            return None
    _check(member, source, contents)
    return source


def _unpacked(part: Part, method: int) -> Source:
    """The bytes that `part` unpacks to; raises ZipError or BudgetError."""
    from sdops.checkpoint.formats.unpacking import inflate, spool

    return spool(inflate(part, method), part.allowance)


def _check(member: Member, source: Source, contents: Contents) -> None:
    """The checksum and the size, for all but weights: torch ignores both, zipfile does not."""
    if source.size != member.size:
        contents.problem(AMBIGUOUS, "A member is not as long as the directory says.",
                         member=member.name, hostile=True)  # fmt: skip
    told = any(problem.hostile for problem in contents.problems)
    if told or source.size > _CHECKED_BYTES:
        return
    checksum = 0
    for place in range(0, source.size, _PIECE):
        checksum = zlib.crc32(source.read(place, _PIECE), checksum)
    if checksum != member.crc:
        contents.problem(AMBIGUOUS, "A member's checksum is wrong, which torch ignores.",
                         member=member.name, hostile=True)  # fmt: skip
