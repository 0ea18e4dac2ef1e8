r"""Lists of expected hashes, in every form they come in: read, and written as sha256sum does.

| form | looks like | source |
|---|---|---|
| sha256sum | `<64 digits>  name`; a line that begins with `\` is escaped | coreutils |
| BSD | `SHA256 (name) = <64 digits>` | BSD sha256(1), coreutils --tag |
| sidecar | `<digits>` alone, in `model.safetensors.sha256` | Civitai and hub downloaders |
| LFS pointer | `oid sha256:<64 digits>` and `size` | git-lfs docs/spec.md |
| cache.json | `{"hashes": {"checkpoint/name": {"mtime", "sha256"}}}` | A1111 modules/cache.py |
| A1111 name | `model [2d0010aca5]` | A1111 modules/sd_models.py |
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sdops.atomic import write_new
from sdops.checkpoint.hash.hashes import FileHashes
from sdops.errors import UnreadableInputError
from sdops.paths import portable, usual
from sdops.text import decode, is_text

SIZE_LIMIT = 64 * 1024 * 1024
_MAX_LINE_BYTES = 8192

_DIGEST = re.compile(r"[0-9a-fA-F]{8,128}")
_SUM_LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
_BSD_LINE = re.compile(r"(?:SHA256|BLAKE3|CRC32) \((.+)\) = ([0-9a-fA-F]{8,64})", re.IGNORECASE)
_SHORT_NAME = re.compile(r"(.*?)\s*\[([0-9a-fA-F]{8,64})\]\s*")
_LFS = re.compile(r"version https://git-lfs\.github\.com/spec/v1\n")


@dataclass(frozen=True, slots=True)
class Expected:
    """What one file should be."""

    name: str | None
    """As the list calls it; None where the list speaks of the one file that it belongs to."""
    digest: str
    """Hexadecimal, in any of the forms that FileHashes.matches knows."""
    size_bytes: int | None = None
    origin: str = ""
    """The list that says so."""


def read(path: Path) -> tuple[Expected, ...]:
    """The expectations in the list at `path`, whatever its form.

    Raises:
        UnreadableInputError: it cannot be read, or it is none of the known forms.
    """
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise UnreadableInputError(f"{path} is too large for a list of hashes.")
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableInputError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not is_text(raw[:_MAX_LINE_BYTES]):
        raise UnreadableInputError(f"{path} is not a list of hashes: it is not text.")
    found = tuple(parse(decode(raw).replace("\r\n", "\n"), str(path)))
    if not found:
        raise UnreadableInputError(
            f"{path} holds no hash that could be understood.",
            "sha256sum and BSD lists, .sha256 files, LFS pointers and A1111's cache.json are.",
        )
    return found


def is_list(path: Path) -> bool:
    """Whether the file at `path` begins as lists of sha256sum and BSD do, by its content."""
    try:
        with path.open("rb") as file:
            head = file.read(_MAX_LINE_BYTES)
    except OSError:
        return False
    line = decode(head).partition("\n")[0].rstrip("\r")
    return bool(_SUM_LINE.fullmatch(line) or _BSD_LINE.fullmatch(line))


def parse(text: str, origin: str) -> Iterator[Expected]:
    """The expectations in `text`; what is not understood is passed over."""
    if _LFS.match(text):
        yield from _lfs_pointer(text, origin)
    elif text.lstrip().startswith("{"):
        yield from _cache_json(text, origin)
    else:
        for line in text.split("\n"):  # names may hold what else Python takes for an end
            yield from _line(line, origin)


def short_name(text: str) -> Expected | None:
    """The expectation in an A1111 name such as `model.ckpt [2d0010aca5]`, or in a bare hash."""
    text = text.strip()
    if _DIGEST.fullmatch(text):
        return Expected(None, text.lower(), origin="the command line")
    match = _SHORT_NAME.fullmatch(text)
    if match is None:
        return None
    return Expected(match[1] or None, match[2].lower(), origin="the command line")


def sidecar(path: Path) -> Path | None:
    """The file next to the model at `path` that holds its hash, if there is one."""
    candidates = (path.with_name(path.name + ".sha256"), path.with_suffix(".sha256"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def write(path: Path, hashes: Iterable[FileHashes]) -> None:
    """Writes `hashes` to the new file `path`, as `sha256sum -c` reads it.

    Names are relative to the list's own folder where they can be.

    Raises:
        UsageError: the file exists already.
        SdopsError: it cannot be written.
    """
    lines = "".join(_sum_line(path, item) for item in hashes)
    write_new(path, os.fsencode(lines) if not _is_text(lines) else lines)


def _is_text(lines: str) -> bool:
    """Whether all names are; others are written byte by byte, as sha256sum writes them."""
    try:
        lines.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sum_line(path: Path, item: FileHashes) -> str:
    try:
        name = portable(os.path.relpath(usual(str(item.path)), path.parent))
    except ValueError:  # another drive on Windows
        name = portable(usual(str(Path(item.path).absolute())))
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name and os.sep == "/" else ""
    return f"{mark}{item.sha256}  {escaped if mark else name}\n"


def _line(line: str, origin: str) -> Iterator[Expected]:
    if match := _SUM_LINE.fullmatch(line):
        name = _unescape(match[3]) if match[1] else match[3]
        yield Expected(name, match[2].lower(), origin=origin)
    elif match := _BSD_LINE.fullmatch(line):
        yield Expected(match[1], match[2].lower(), origin=origin)
    elif _DIGEST.fullmatch(line.strip()):
        yield Expected(None, line.strip().lower(), origin=origin)
    elif match := _SHORT_NAME.fullmatch(line):
        yield Expected(match[1] or None, match[2].lower(), origin=origin)


def _unescape(name: str) -> str:
    table = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
    return re.sub(r"\\[\\nr]", lambda found: table[found[0]], name)


def _lfs_pointer(text: str, origin: str) -> Iterator[Expected]:
    digest = re.search(r"^oid sha256:([0-9a-f]{64})$", text, re.MULTILINE)
    size = re.search(r"^size (\d{1,18})$", text, re.MULTILINE)
    if digest:
        yield Expected(None, digest[1], int(size[1]) if size else None, origin)


def _cache_json(text: str, origin: str) -> Iterator[Expected]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    for section in ("hashes", "hashes-addnet"):
        entries = document.get(section)
        for title, entry in entries.items() if isinstance(entries, dict) else ():
            digest = entry.get("sha256") if isinstance(entry, dict) else None
            if isinstance(digest, str) and _DIGEST.fullmatch(digest):
                # A1111 titles are `kind/name`: `checkpoint/sub/model.safetensors`.
                yield Expected(title.partition("/")[2] or title, digest.lower(), origin=origin)
