"""The text that A1111 writes into pictures: how each was made; written and read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sdops.sampler.catalog import split_scheduler

if TYPE_CHECKING:
    from PIL import Image

NEGATIVE = "Negative prompt:"
PARAMETER = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
LEAST_PARAMETERS = 3
"""Fewer on the last line, and it is part of the prompt."""
KEYWORD = "parameters"
DEFAULTS = {"Clip skip": "1", "RNG": "GPU", "Schedule type": "Automatic"}
USER_COMMENT, EXIF_IFD = 0x9286, 0x8769
UNICODE_COMMENT = b"UNICODE\x00"
Parameters = Mapping[str, str | int | float | None]
"""What the last line of an infotext says, in order; None is left out."""


@dataclass(frozen=True, slots=True)
class Infotext:
    """How a picture was made."""

    prompt: str
    negative: str = ""
    parameters: Parameters = field(default_factory=dict)

    def __str__(self) -> str:
        negative = f"\n{NEGATIVE} {self.negative}" if self.negative else ""
        parts = (
            key if key == value else f"{key}: {quote(value)}"
            for key, value in self.parameters.items()
            if value is not None
        )
        return f"{self.prompt}{negative}\n{', '.join(parts)}".strip()


def quote(value: str | float) -> str:
    """`value` as it stands on the last line: as JSON if it would else be taken apart."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,:\n]", text) else text


def unquote(text: str) -> str:
    """The value that `quote` wrote as `text`."""
    if text.startswith('"') and text.endswith('"'):
        try:
            return str(json.loads(text))
        except json.JSONDecodeError:
            return text
    return text


def parse(text: str) -> Infotext:
    """The parts of an infotext; sizes are split as in A1111, and what it leaves out is added."""
    *lines, last = text.strip().split("\n")
    found = PARAMETER.findall(last)
    if len(found) < LEAST_PARAMETERS:
        lines, found = [*lines, last], []
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for line in map(str.strip, lines):
        if line.startswith(NEGATIVE):
            current, line = negative, line.removeprefix(NEGATIVE).strip()
        current.append(line)
    parameters: dict[str, str | int | float | None] = {}
    for key, value in found:
        plain = unquote(value)
        size = re.fullmatch(r"(\d+)x(\d+)", plain)
        if size:
            parameters |= {f"{key}-1": size[1], f"{key}-2": size[2]}
        else:
            parameters[key] = plain
    sampler, label = split_scheduler(str(parameters.get("Sampler", "")))
    if label and "Schedule type" not in parameters:  # as A1111 wrote it before 1.9
        parameters |= {"Sampler": sampler, "Schedule type": label}
    for key, default in DEFAULTS.items():
        parameters.setdefault(key, default)
    return Infotext("\n".join(prompt), "\n".join(negative), parameters)


def save(picture: Image.Image, path: Path, text: str) -> None:
    """Write `picture` to `path` with the infotext inside; the ending chooses the format."""
    from PIL import Image, PngImagePlugin

    if path.suffix.lower() == ".png":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text(KEYWORD, text)
        picture.save(path, pnginfo=chunks)
        return
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = UNICODE_COMMENT + text.encode("utf-16-be")
    picture.save(path, exif=exif)


def read(path: Path) -> str | None:
    """The infotext in the picture at `path`; None if there is none."""
    from PIL import Image

    with Image.open(path) as picture:
        written = picture.info.get(KEYWORD)
        if isinstance(written, str):
            return written
        comment = picture.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT)
    if isinstance(comment, bytes) and comment.startswith(UNICODE_COMMENT):
        return comment[len(UNICODE_COMMENT) :].decode("utf-16-be", errors="replace")
    return None
