"""Reads zip archives as torch's reader (miniz) does: the last end record, the central directory.

Whatever other common readers would see differently is reported by `zip_checks`.
Sources: PKWARE APPNOTE 6.3.10; torch's third_party/miniz-3.0.2; CPython's Lib/zipfile.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from sdops.checkpoint.files.source import Part, Source

LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
END_SIGNATURE = b"PK\x05\x06"
_END64_SIGNATURE = b"PK\x06\x06"
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
_TAIL_BYTES = 65535 + _END.size
MAX_MEMBERS = 100_000
MAX_DIRECTORY_BYTES = 64 * 1024 * 1024
# A field of 32 bits says by this that the value is in the extra field.
_FULL = 0xFFFFFFFF

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
FLAG_ENCRYPTED, FLAG_DESCRIPTOR, FLAG_STRONG, FLAG_UTF8, FLAG_MASKED = 1, 8, 64, 0x800, 0x2000


class ZipError(Exception):
    """The archive's directory cannot be read; the text says why."""


class End(NamedTuple):
    """Where the central directory is, by the end record and its 64-bit form."""

    offset: int
    """The offset of the end record itself."""
    directory_end: int
    """The offset of the first end record: the 64-bit one if there is one."""
    entries: int
    entries_on_disk: int
    directory_size: int
    directory_offset: int
    comment_size: int
    disk: int
    trailing: int
    """Bytes in the file after the end record and its comment."""
    rivals: tuple[int, ...] = ()
    """Offsets of other end records that lead to a central directory."""
    disagreements: tuple[str, ...] = ()
    """Fields that the 64-bit record contradicts."""


class Member(NamedTuple):
    """One entry of the central directory."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    header_offset: int
    disk: int
    extra: bytes


class Local(NamedTuple):
    """A member's local header."""

    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    raw_name: bytes
    extra: bytes
    data_offset: int
    """Where the member's data starts in the file."""


class Archive(NamedTuple):
    """A zip archive's directory."""

    source: Source
    end: End
    members: tuple[Member, ...]
    leftover: int
    """Bytes of the directory that the counted entries do not use."""


@lru_cache(maxsize=1)
def read_archive(source: Source) -> Archive:
    """The directory of the zip archive in `source`.

    Raises:
        ZipError: there is no end record, or the directory is damaged or over the size budget.
    """
    end = _find_end(source)
    if end.directory_size > MAX_DIRECTORY_BYTES or end.entries > MAX_MEMBERS:
        raise ZipError(
            f"The archive's directory claims {end.entries} members in {end.directory_size} bytes."
        )
    try:
        return _read_directory(source, end)
    except ZipError:
        shifted = as_zipfile_reads(source, end)
        if shifted is None:
            raise
        return shifted


def has_end_record(source: Source) -> bool:
    """Whether readers that start from the end would find an archive in `source`."""
    try:
        return bool(read_archive(source).members)
    except ZipError:
        return False


def as_zipfile_reads(source: Source, end: End) -> Archive | None:
    """The archive as zipfile and unzip read it, if they read another directory.

    They take the directory that ends at the end record, and count every offset from there.
    """
    shift = end.directory_end - end.directory_size - end.directory_offset
    if shift == 0 or end.directory_end < end.directory_size:
        return None
    try:
        found = _read_directory(source, end, shift)
    except ZipError:
        return None
    moved = (item._replace(header_offset=item.header_offset + shift) for item in found.members)
    return found._replace(members=tuple(moved))


def _read_directory(source: Source, end: End, shift: int = 0) -> Archive:
    data = source.read(end.directory_offset + shift, end.directory_size)
    if len(data) < end.directory_size:
        raise ZipError("The archive's directory lies outside the file.")
    members: list[Member] = []
    used = 0
    try:
        # zipfile reads to the end of the directory, miniz as many entries as are counted.
        while used < len(data) and len(members) < MAX_MEMBERS:
            member, used = _read_entry(data, used)
            members.append(member)
    except ZipError:
        if not members:
            raise
    return Archive(source, end, tuple(members), len(data) - used)


def read_local(archive: Archive, member: Member) -> Local | None:
    """The local header of `member`, or None where there is none."""
    # torch pads the extra field so that the data starts at a multiple of 64.
    guess = LOCAL.size + len(member.raw_name) + 80
    data = archive.source.read(member.header_offset, guess)
    if len(data) < LOCAL.size or data[:4] != LOCAL_SIGNATURE:
        return None
    fields = LOCAL.unpack_from(data)
    name_size, extra_size = fields[9], fields[10]
    header_size = LOCAL.size + name_size + extra_size
    if len(data) < header_size:
        data = archive.source.read(member.header_offset, header_size)
    extra = data[LOCAL.size + name_size : header_size]
    _, _, flags, method, _, _, crc, packed_size, size, _, _ = fields
    if size == _FULL or packed_size == _FULL:
        size, packed_size, _ = _wide_sizes(extra, size, packed_size, 0)
    raw_name = data[LOCAL.size : LOCAL.size + name_size]
    offset = member.header_offset + header_size
    return Local(flags, method, crc, packed_size, size, raw_name, extra, offset)


def packed(archive: Archive, member: Member, local: Local) -> Part:
    """The member's bytes as they stand in the archive."""
    return Part(archive.source, local.data_offset, member.packed_size)


def _find_end(source: Source) -> End:
    tail_start = max(0, source.size - _TAIL_BYTES)
    tail = source.read(tail_start, _TAIL_BYTES)
    offsets: list[int] = []
    found = tail.rfind(END_SIGNATURE)
    while found >= 0 and len(offsets) < 64:
        if len(tail) - found >= _END.size:
            offsets.append(tail_start + found)
        found = tail.rfind(END_SIGNATURE, 0, found + 3) if found else -1
    if not offsets:
        raise ZipError("The archive has no end record: it is cut off.")
    end = _read_end(source, offsets[0])
    rivals = tuple(offset for offset in offsets[1:] if _leads_to_directory(source, offset))
    return _with_wide_end(source, end, rivals)


def _leads_to_directory(source: Source, offset: int) -> bool:
    fields = _END.unpack(source.read(offset, _END.size))
    start = offset - fields[5]
    at = [source.read(place, 4) for place in {fields[6], start} if place >= 0]
    return fields[4] == 0 or CENTRAL_SIGNATURE in at


def _read_end(source: Source, offset: int) -> End:
    fields = _END.unpack(source.read(offset, _END.size))
    return End(
        offset=offset,
        directory_end=offset,
        entries_on_disk=fields[3],
        entries=fields[4],
        directory_size=fields[5],
        directory_offset=fields[6],
        comment_size=fields[7],
        disk=max(fields[1], fields[2]),
        trailing=source.size - offset - _END.size - fields[7],
    )


def _with_wide_end(source: Source, end: End, rivals: tuple[int, ...]) -> End:
    """`end` with the values of the 64-bit end record before it, as miniz takes them."""
    locator = source.read(end.offset - _LOCATOR.size, _LOCATOR.size)
    if locator[:4] != _LOCATOR_SIGNATURE:
        return end._replace(rivals=rivals)
    _, _, wide_offset, _ = _LOCATOR.unpack(locator)
    disagreements = []
    if wide_offset != end.offset - _LOCATOR.size - _END64.size:
        disagreements.append("the place of the 64-bit end record")
    wide = source.read(wide_offset, _END64.size)
    if len(wide) < _END64.size or wide[:4] != _END64_SIGNATURE:
        raise ZipError("The archive's 64-bit end record is missing.")
    fields = _END64.unpack(wide)
    if fields[1] != _END64.size - 12:
        disagreements.append("the size of the 64-bit end record")
    for label, narrow, full, limit in (
        ("the number of members", end.entries, fields[7], 0xFFFF),
        ("the number of members on this disk", end.entries_on_disk, fields[6], 0xFFFF),
        ("the size of the directory", end.directory_size, fields[8], 0xFFFFFFFF),
        ("the place of the directory", end.directory_offset, fields[9], 0xFFFFFFFF),
    ):
        if narrow not in (full, limit):
            disagreements.append(label)
    return end._replace(
        directory_end=wide_offset,
        entries_on_disk=fields[6],
        entries=fields[7],
        directory_size=fields[8],
        directory_offset=fields[9],
        disk=max(end.disk if end.disk != 0xFFFF else 0, fields[4], fields[5]),
        rivals=rivals,
        disagreements=tuple(disagreements),
    )


def _read_entry(data: bytes, at: int) -> tuple[Member, int]:
    if len(data) - at < _CENTRAL.size or data[at : at + 4] != CENTRAL_SIGNATURE:
        raise ZipError(f"The archive's directory is damaged {at} bytes in.")
    (_, _, _, flags, method, _, _, crc, packed_size, size, name_size, extra_size, comment_size,
     disk, _, _, offset) = _CENTRAL.unpack_from(data, at)  # fmt: skip
    start = at + _CENTRAL.size
    following = start + name_size + extra_size + comment_size
    if following > len(data):
        raise ZipError(f"The archive's directory is damaged {at} bytes in.")
    raw_name = data[start : start + name_size]
    extra = data[start + name_size : start + name_size + extra_size]
    name = _decode(raw_name, flags)
    if size == _FULL or packed_size == _FULL or offset == _FULL:
        size, packed_size, offset = _wide_sizes(extra, size, packed_size, offset)
    member = Member(name, raw_name, flags, method, crc, packed_size, size, offset, disk, extra)
    return member, following


def _decode(raw_name: bytes, flags: int) -> str:
    if flags & FLAG_UTF8:
        return raw_name.decode("utf-8", "surrogateescape")
    return raw_name.decode("ascii" if raw_name.isascii() else "cp437")


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """The (header id, data) pairs of an extra field; stops where it is damaged."""
    at = 0
    while at + 4 <= len(extra):
        header, size = struct.unpack_from("<HH", extra, at)
        if at + 4 + size > len(extra):
            return
        yield header, extra[at + 4 : at + 4 + size]
        at += 4 + size


def _wide_sizes(extra: bytes, size: int, packed_size: int, offset: int) -> tuple[int, int, int]:
    """Size, packed size and offset, each from the 64-bit extra field where it is all ones."""
    values = [size, packed_size, offset]
    wide = next((data for header, data in extra_fields(extra) if header == 1), b"")
    for place, index in enumerate(index for index in range(3) if values[index] == _FULL):
        if len(wide) >= place * 8 + 8:
            (values[index],) = struct.unpack_from("<Q", wide, place * 8)
    return values[0], values[1], values[2]
