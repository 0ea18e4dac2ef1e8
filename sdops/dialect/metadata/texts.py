"""Every text in a picture's file by its name: PNG's chunks, EXIF, XMP, comments, sidecars."""

from __future__ import annotations

import json
import re
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree as ET

from sdops.dialect.metadata.chunks import Chunk, chunks
from sdops.errors import UnreadableInputError

LARGEST_TEXT = 32 << 20
"""The largest single text, also once inflated; workflows with pictures inside take several MB."""
LARGEST_SIDECAR = 4 << 20
EXIF_HEAD, XMP_HEAD = b"Exif\x00\x00", b"http://ns.adobe.com/xap/1.0/\x00"
EXIF_NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x9C9C: "XPComment",
    0x927C: "MakerNote",
    0x9286: "UserComment",
}
"""Source: EXIF 2.32, tables 4 and 7."""
EXIF_IFD = 0x8769
_UNICODE, _ASCII, _JIS = b"UNICODE\x00", b"ASCII\x00\x00\x00", b"JIS\x00\x00\x00\x00\x00"
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError,
           ArithmeticError)  # fmt: skip


@dataclass(slots=True)
class Texts:
    """What a file says, by the names under which it says it."""

    named: dict[str, str] = field(default_factory=dict)
    """PNG keywords, EXIF tags, `XMP:…` properties, `comment`."""
    size: tuple[int, int] | None = None
    """Width and height, where the file's head has them."""
    faults: list[str] = field(default_factory=list)
    """What could not be read, in words."""

    def add(self, name: str, text: str) -> None:
        """Keep `text` unless there is one of that name."""
        text = text.strip("\x00 \r\n\t")
        if text:
            self.named.setdefault(name, text)

    def json(self, name: str) -> object:
        """What the text called `name` holds as JSON; None if it is none."""
        return as_json(self.named.get(name))


def as_json(text: str | None) -> object:
    """`text` as JSON if it is an object or array; else None. NaN is read, as ComfyUI writes it."""
    if text is None or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def read_texts(path: Path) -> Texts:
    """All that the file at `path` says in words; no pixel is decoded.

    Raises:
        UnreadableInputError: there is no such file, or it cannot be read.
    """
    if path.exists() and not path.is_dir() and not path.is_file():
        raise UnreadableInputError(f"{path} is not a file.", "Name a picture.")
    try:
        with path.open("rb") as file:
            return _texts_of(file, path)
    except IsADirectoryError:
        raise UnreadableInputError(f"{path} is a folder.", "Name the pictures in it.") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnreadableInputError(f"{path} cannot be read: {reason}.", "Check the path.") from None


def _texts_of(file: BinaryIO, path: Path) -> Texts:
    texts = Texts()
    found = chunks(file)
    if found is not None:
        for chunk in found:
            _read_chunk(chunk, texts)
        return texts
    file.seek(0)
    head = file.read(32)
    if head[4:12] in (b"ftypavif", b"ftypavis", b"ftypheic", b"ftypmif1") or head[:4] in (
        b"II*\x00", b"MM\x00*", b"GIF8",
    ):  # fmt: skip
        _through_pillow(path, texts)
        return texts
    file.seek(0)
    text = decode_text(file.read(LARGEST_SIDECAR + 1))
    if text is None:
        raise UnreadableInputError(
            f"{path} is neither a picture nor a text that can be read.",
            "Give a PNG, JPEG, WebP or AVIF file, or a text with what A1111 writes into them.",
        )
    texts.add("text", text)
    return texts


def decode_text(data: bytes) -> str | None:
    """`data` as the text it is, in whatever way Windows, Linux or a browser saved it; or None."""
    if len(data) > LARGEST_SIDECAR:
        return None
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"),
                           (b"\xfe\xff", "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if data[1:2] == b"\x00" and data.count(0) > len(data) // 4:
        return data.decode("utf-16-le", "replace")
    if b"\x00" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _read_chunk(chunk: Chunk, texts: Texts) -> None:
    data = chunk.data
    if data is None:
        return
    if chunk.kind == "IHDR" and len(data) >= 8:
        texts.size = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
    elif chunk.kind in ("tEXt", "zTXt", "iTXt"):
        _png_text(chunk.kind, data, texts)
    elif chunk.kind in ("eXIf", "EXIF"):
        _exif(data.removeprefix(EXIF_HEAD), texts)
    elif chunk.kind == "XMP ":
        _xmp(data, texts)
    elif chunk.kind == "APP1" and data.startswith(EXIF_HEAD):
        _exif(data[len(EXIF_HEAD) :], texts)
    elif chunk.kind == "APP1" and data.startswith(XMP_HEAD):
        _xmp(data[len(XMP_HEAD) :], texts)
    elif chunk.kind == "COM":
        texts.add("comment", _utf8_or_latin(data))
    elif chunk.kind in ("C0", "C1", "C2") and len(data) >= 5:
        texts.size = int.from_bytes(data[3:5], "big"), int.from_bytes(data[1:3], "big")
    elif chunk.kind == "VP8X" and len(data) >= 10:
        width, height = data[4:7], data[7:10]
        texts.size = int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1


def _png_text(kind: str, data: bytes, texts: Texts) -> None:
    keyword, _, rest = data.partition(b"\x00")
    name = keyword.decode("latin-1")
    if kind == "iTXt":
        is_packed, rest = rest[:1] == b"\x01", rest[2:]
        for _ in range(2):  # the language, and the keyword in it
            rest = rest.partition(b"\x00")[2]
    else:
        is_packed, rest = kind == "zTXt", rest[1:] if kind == "zTXt" else rest
    if is_packed:
        inflated = _inflated(rest)
        if inflated is None:
            texts.faults.append(f"the text “{name}” is damaged or too large")
            return
        rest = inflated
    if name == "XML:com.adobe.xmp":
        _xmp(rest, texts)
    else:
        # Latin-1 by the specification; many programs write UTF-8 all the same.
        texts.add(name, _utf8_or_latin(rest))


def _inflated(data: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(data, LARGEST_TEXT)
    except zlib.error:
        return None
    return None if unpacker.unconsumed_tail else whole


def _utf8_or_latin(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _exif(data: bytes, texts: Texts) -> None:
    try:
        from PIL import Image
    except ImportError:
        texts.faults.append(
            "its EXIF data: Pillow is not installed (pip install 'sdops[pictures]')"
        )
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = Image.Exif()
            exif.load(data)
            for place in (dict(exif), dict(exif.get_ifd(EXIF_IFD))):
                _exif_tags(place, texts)
    except _DAMAGE:
        texts.faults.append("its EXIF data is damaged")


def _exif_tags(tags: dict[int, object], texts: Texts) -> None:
    for tag, name in EXIF_NAMES.items():
        value = tags.get(tag)
        if isinstance(value, str):
            texts.add(name, value)
        elif isinstance(value, bytes | tuple):
            raw = bytes(value) if isinstance(value, bytes) else _bytes_of(value)
            texts.add(name, raw.decode("utf-16-le", "replace") if name == "XPComment"
                      else user_comment(raw))  # fmt: skip


def _bytes_of(numbers: tuple[object, ...]) -> bytes:
    return bytes(n for n in numbers if isinstance(n, int) and 0 <= n < 256)


def user_comment(data: bytes) -> str:
    """EXIF's UserComment as text, whichever of its codes, and byte order, a program took for it."""
    code, body = data[:8], data[8:]
    if code == _UNICODE:
        is_little = body[1::2].count(0) > body[::2].count(0)
        return body.decode("utf-16-le" if is_little else "utf-16-be", "replace")
    if code in (_ASCII, _JIS, bytes(8)):
        return _utf8_or_latin(body)
    if data[1::2].count(0) > len(data) // 3:
        return data.decode("utf-16-le", "replace")
    return _utf8_or_latin(data)


def _xmp(data: bytes, texts: Texts) -> None:
    text = data.decode("utf-8", "replace").strip("\x00 \r\n")
    if re.search(r"<!(DOCTYPE|ENTITY)", text):
        texts.faults.append("its XMP data declares entities, which nothing needs and may be a trap")
        return
    try:
        root = ET.fromstring(text)  # noqa: S314  (declarations were refused above)
    except (ET.ParseError, ValueError, RecursionError):
        texts.faults.append("its XMP data is damaged")
        return
    for name, value in _xmp_properties(root):
        texts.add(f"XMP:{name}", value)


def _xmp_properties(root: ET.Element) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        for key, value in element.attrib.items():
            yield key.rpartition("}")[2], value
        name = element.tag.rpartition("}")[2]
        words = "".join(element.itertext()).strip() if name not in ("xmpmeta", "RDF") else ""
        if words and name not in ("Description", "Alt", "Bag", "Seq", "li"):
            yield name, words


def _through_pillow(path: Path, texts: Texts) -> None:
    try:
        from PIL import Image
    except ImportError:
        texts.faults.append("this kind of picture needs Pillow (pip install 'sdops[pictures]')")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                texts.size = picture.size
                info = dict(picture.info)
                exif = picture.getexif()
                places = (dict(exif), dict(exif.get_ifd(EXIF_IFD)))
    except (*_DAMAGE, Image.DecompressionBombError):
        texts.faults.append("Pillow cannot read this picture")
        return
    for place in places:
        _exif_tags(place, texts)
    for name, value in info.items():
        if isinstance(value, bytes) and name in ("xmp", "XML:com.adobe.xmp"):
            _xmp(value, texts)
        elif isinstance(value, bytes) and name == "comment":
            texts.add("comment", _utf8_or_latin(value))
        elif isinstance(value, str):
            texts.add(str(name), value)
