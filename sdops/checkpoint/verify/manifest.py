r"""Lists of expected hashes, in every form they come in: read, and written as sha256sum does.

| form | looks like | source |
|---|---|---|
| sha256sum | `<64 digits>  name`; a line that begins with `\` is escaped | coreutils |
| BSD | `SHA256 (name) = <64 digits>` | BSD sha256(1), coreutils --tag |
| sidecar | `<digits>` alone, in `model.safetensors.sha256` | Civitai and hub downloaders |
| LFS pointer | `oid sha256:<64 digits>` and `size` | git-lfs docs/spec.md |
| cache.json | `{"hashes": {"checkpoint/name": {"mtime", "sha256"}}}` | A1111 modules/cache.py |
| A1111 name | `model [2d0010aca5]` | A1111 modules/sd_models.py |
| infotext | `Model hash: 925997e9, Model: name` | A1111 modules/processing.py |
| PowerShell | `Algorithm : SHA256`, `Hash : …`, `Path : …`, or a table | Get-FileHash |
| SFV | `name <8 digits>` in a .sfv | CRC32 lists |
| Civitai | `files[].hashes.SHA256` in `model.civitai.info` | Civitai helper extensions |
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from sdops.atomic import write_new
from sdops.checkpoint.hash.hashes import FileHashes
from sdops.errors import UnreadableInputError
from sdops.paths import portable, usual
from sdops.text import decode, is_text

SIZE_LIMIT = 64 * 1024 * 1024
_MAX_LINE_BYTES = 8192

_DIGEST = re.compile(r"[0-9a-fA-F]{8,128}")
_SUM_LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
_BSD_LINE = re.compile(r"(SHA256|BLAKE3|CRC32) \((.+)\) = ([0-9a-fA-F]{8,64})", re.IGNORECASE)
_SHORT_NAME = re.compile(r"(.*?)\s*\[([0-9a-fA-F]{8,64})\]\s*")
_GET_FILE_HASH = re.compile(
    r"^Algorithm[ ]*:[ ]*SHA256[ ]*\n+Hash[ ]*:[ ]*([0-9A-Fa-f]{64})[ ]*\n+Path[ ]*:[ ]*(.+)$",
    re.MULTILINE,
)
_TABLE_ROW = re.compile(r"SHA256[ ]{2,20}([0-9A-Fa-f]{64})[ ]{1,20}(\S.*)")
_INFOTEXT = re.compile(r"\bModel hash: ([0-9a-fA-F]{8,64})\b(?:, Model: ([^,\n]{1,200}))?")
_SFV_LINE = re.compile(r"(\S.*) ([0-9a-fA-F]{8})[ ]*")
_B3SUM = re.compile(r"b3sum|blake3|\.b3$", re.IGNORECASE)
_MAX_INFO_BYTES = 4 << 20
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
    kind: str = ""
    """`blake3` or `crc32` where the list says that; else what the digits can be."""


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
    elif found := _GET_FILE_HASH.findall(text):
        for digest, name in found:
            yield Expected(_last_part(name), digest.lower(), origin=origin)
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


def civitai_info(path: Path) -> Expected | None:
    """What the `.civitai.info` beside the model at `path` says of it, if there is one."""
    place = path.with_suffix(".civitai.info")
    try:
        if not place.is_file() or place.stat().st_size > _MAX_INFO_BYTES:
            return None
        files = json.loads(decode(place.read_bytes()))["files"]
        named = {str(file["name"]): str(file["hashes"]["SHA256"]).lower() for file in files}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    digest = named.get(path.name) or (next(iter(named.values())) if len(named) == 1 else "")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        return None
    return Expected(path.name, digest, origin=str(place))


def _last_part(name: str) -> str:
    """The file's name in a path of the machine that the list was made on."""
    return PureWindowsPath(name.strip()).name


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
        kind = "blake3" if _B3SUM.search(Path(origin).name) else ""
        yield Expected(name, match[2].lower(), origin=origin, kind=kind)
    elif match := _BSD_LINE.fullmatch(line):
        kind = match[1].lower()
        kind = "" if kind == "sha256" else kind
        yield Expected(match[2], match[3].lower(), origin=origin, kind=kind)
    elif match := _TABLE_ROW.fullmatch(line):
        yield Expected(_last_part(match[2]), match[1].lower(), origin=origin)
    elif match := _INFOTEXT.search(line):
        yield Expected(match[2], match[1].lower(), origin=origin)
    elif origin.lower().endswith(".sfv"):
        if match := _SFV_LINE.fullmatch(line):
            yield Expected(match[1], match[2].lower(), origin=origin, kind="crc32")
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
