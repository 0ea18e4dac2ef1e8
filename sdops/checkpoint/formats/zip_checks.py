"""Finds what common zip readers would see differently in one archive.

No program that writes models makes such archives; they are made so that a scanner reads one
thing and the loader another. Each rule names the readers that part ways in its comment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from sdops.checkpoint.formats.zip_reader import (
    BZIP2,
    DEFLATED,
    FLAG_DESCRIPTOR,
    FLAG_ENCRYPTED,
    FLAG_MASKED,
    FLAG_STRONG,
    FLAG_UTF8,
    LOCAL_SIGNATURE,
    LZMA,
    STORED,
    Archive,
    Local,
    Member,
    extra_fields,
)
from sdops.checkpoint.types import Problem

Pair: TypeAlias = "tuple[Member, Local | None]"
"""A member, and its local header if there is one and it was read."""

AMBIGUOUS = "archive-ambiguous"
HIDDEN = "archive-hidden-bytes"
_DESCRIPTOR_SIZES = (0, 12, 16, 20, 24)
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075
_UNICODE_PATH_BYTES = _UNICODE_PATH_EXTRA.to_bytes(2, "little")
_GAP_PROBE_BYTES = 1 << 20


def archive_problems(archive: Archive, pairs: Sequence[Pair]) -> Iterator[Problem]:
    """Every way in which readers would disagree about `archive`, as far as headers were read."""
    yield from _end_problems(archive)
    yield from _name_problems(archive)
    for member, local in pairs:
        if local is None or not _is_usual(member, local):
            yield from _member_problems(member, local)
    if len(pairs) == len(archive.members):
        yield from _layout_problems(archive, pairs)


def _ambiguous(text: str, member: Member | None = None) -> Problem:
    return Problem(
        AMBIGUOUS,
        text,
        member=None if member is None else member.name,
        offset=None if member is None else member.header_offset,
        hostile=True,
    )


def _end_problems(archive: Archive) -> Iterator[Problem]:
    end = archive.end
    # miniz and zipfile take the last end record, streaming and recovering readers another.
    if end.rivals:
        yield _ambiguous(f"The archive ends more than once (also at byte {end.rivals[0]}).")
    # miniz ignores what follows; zipfile and unzip search differently.
    if end.trailing:
        yield _ambiguous(f"{abs(end.trailing)} bytes stand wrongly after the archive's end record.")
    # zipfile believes the 64-bit record always, others only when the old field is full.
    for label in end.disagreements:
        yield _ambiguous(f"The archive's two end records contradict each other on {label}.")
    if end.disk or end.entries != end.entries_on_disk:
        yield _ambiguous("The archive says that it is spread over several disks.")
    # zipfile shifts every offset by this difference, miniz takes offsets as they are.
    if end.directory_offset + end.directory_size != end.directory_end:
        yield _ambiguous("The archive's directory is not where its end record says.")
    # miniz counts entries, zipfile reads all bytes of the directory.
    if archive.leftover or len(archive.members) != end.entries:
        yield _ambiguous("The archive's directory holds more or less than its end record counts.")


def _name_problems(archive: Archive) -> Iterator[Problem]:
    seen: set[str] = set()
    for member in archive.members:
        name = member.name
        plain = _is_plain(name)
        key = name.lower() if plain else _as_torch_finds(name)
        if key in seen:
            yield _ambiguous("Two members have the same name to some readers.", member)
        seen.add(key)
        if plain:
            continue
        # zipfile cuts names at NUL; unpackers turn backslashes into folders.
        if "\0" in name or "\\" in name or any(ord(character) < 32 for character in name):
            yield _ambiguous("A member's name holds characters that readers treat apart.", member)
        if name.startswith("/") or ".." in name.split("/") or name[1:3] == ":/":
            yield _ambiguous("A member's name leads out of the archive.", member)
        if not member.raw_name.isascii() and not member.flags & FLAG_UTF8:
            yield _ambiguous("A member's name has no certain spelling.", member)
        if member.flags & FLAG_UTF8 and any("\udc80" <= letter <= "\udcff" for letter in name):
            yield _ambiguous("A member's name is not valid UTF-8.", member)


def _is_plain(name: str) -> bool:
    odd = ".." in name or "./" in name or name.endswith(".") or "\\" in name
    odd = odd or name.startswith("/") or name[1:3] == ":/"
    return not odd and name.isascii() and name.isprintable()


def _as_torch_finds(name: str) -> str:
    """miniz, as torch uses it, ignores case; zipfile does not, and its last duplicate wins."""
    name = name.partition("\0")[0].lower().replace("\\", "/")
    return "/".join(part for part in name.split("/") if part != ".") if "." in name else name


def _is_usual(member: Member, local: Local) -> bool:
    """Whether it is as torch and zipfile write members; most are, and need no closer look."""
    stated = (local.crc, local.packed_size, local.size)
    streamed = local.flags & FLAG_DESCRIPTOR and not any(stated)
    return (
        member.method == local.method == STORED
        and member.packed_size == member.size
        and (streamed or stated == (member.crc, member.packed_size, member.size))
        and member.raw_name == local.raw_name
        and not member.disk
        and not (member.flags | local.flags) & ~(FLAG_DESCRIPTOR | FLAG_UTF8)
        and not member.extra
        and _UNICODE_PATH_BYTES not in local.extra
    )


def _member_problems(member: Member, local: Local | None) -> Iterator[Problem]:
    if member.disk:
        yield _ambiguous("A member claims to be on another disk.", member)
    if member.flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED):
        yield _ambiguous("A member is marked as encrypted, which some readers ignore.", member)
    # torch's miniz knows stored and deflated only; zipfile more.
    if member.method not in (STORED, DEFLATED):
        known = "which torch cannot" if member.method in (BZIP2, LZMA) else "which few can"
        yield _ambiguous(f"A member is packed with method {member.method}, {known} read.", member)
    if member.method == STORED and member.packed_size != member.size:
        yield _ambiguous("A stored member has two sizes.", member)
    fields = list(extra_fields(member.extra)) if member.extra else []
    if sum(header == _ZIP64_EXTRA for header, _ in fields) > 1:
        yield _ambiguous("A member has several 64-bit size fields.", member)
    for header, data in fields:
        # zipfile (3.13) and unzip take this name in place of the other.
        if header == _UNICODE_PATH_EXTRA and data[5:] != member.raw_name:
            yield _ambiguous("A member has a second, different name.", member)
    if local is None:
        yield _ambiguous("A member of the directory is not where it should be.", member)
    else:
        yield from _local_problems(member, local)


def _local_problems(member: Member, local: Local) -> Iterator[Problem]:
    """Where the local header and the directory contradict each other.

    miniz and zipfile read from the directory, streaming readers from the local header; zipfile
    refuses another name, miniz does not look.
    """
    if local.raw_name != member.raw_name:
        yield _ambiguous("A member has one name in the directory and another before its data.",
                         member)  # fmt: skip
    if local.method != member.method:
        yield _ambiguous("A member is packed in one way by the directory, another by itself.",
                         member)  # fmt: skip
    if (local.flags ^ member.flags) & ~FLAG_DESCRIPTOR & ~FLAG_UTF8 & ~0x6:
        yield _ambiguous("A member's flags contradict the directory's.", member)
    streamed = bool(local.flags & FLAG_DESCRIPTOR)
    stated = (local.crc, local.packed_size, local.size)
    real = (member.crc, member.packed_size, member.size)
    if stated != real and not (
        streamed and all(one in (0, other) for one, other in zip(stated, real, strict=True))
    ):
        yield _ambiguous("A member's size or checksum contradicts the directory's.", member)
    for header, data in extra_fields(local.extra):
        if header == _UNICODE_PATH_EXTRA and data[5:] != member.raw_name:
            yield _ambiguous("A member has a second, different name.", member)


def _layout_problems(archive: Archive, pairs: Sequence[Pair]) -> Iterator[Problem]:
    """Members that overlap, and bytes that belong to no member."""
    spans = []
    for member, local in pairs:
        if local is not None:
            end = local.data_offset + member.packed_size
            spans.append((member.header_offset, end, bool(local.flags & FLAG_DESCRIPTOR), member))
    spans.sort(key=lambda span: span[:2])
    position, streamed = 0, False
    for start, end, descriptor, member in spans:
        if start < position:
            yield _ambiguous("Two members overlap.", member)
        else:
            yield from _gap(archive, position, start, streamed)
        position, streamed = max(position, end), descriptor
    if position > archive.end.directory_offset:
        yield _ambiguous("A member reaches into the archive's directory.")
    else:
        yield from _gap(archive, position, archive.end.directory_offset, streamed)


def _gap(archive: Archive, start: int, end: int, streamed: bool) -> Iterator[Problem]:
    size = end - start
    if size == 0 or (streamed and size in _DESCRIPTOR_SIZES):
        return
    if start == 0:
        # zipfile and unzip skip a prefix; torch tells the format by the first four bytes.
        yield _ambiguous(f"{size} bytes stand before the archive.")
    held = archive.source.read(start, min(size, _GAP_PROBE_BYTES))
    if LOCAL_SIGNATURE in held:
        yield Problem(HIDDEN, "A member is hidden from the archive's directory.", None, start, True)
    elif held.strip(b"\0"):
        yield Problem(HIDDEN, f"{size} bytes belong to no member of the archive.", None, start)
