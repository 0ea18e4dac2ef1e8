"""ONNX models, by their wire format: foreign operators, and paths to weights elsewhere.

Source: onnx/onnx.proto3 (ModelProto, GraphProto, NodeProto, TensorProto).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sdops.checkpoint.types import Problem
from sdops.report.plain import one_line

if TYPE_CHECKING:
    from sdops.checkpoint.files.source import Source

_GRAPH, _NODE, _INITIALIZER, _EXTERNAL, _DOMAIN, _FUNCTIONS = 7, 1, 5, 13, 7, 25
_KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training",
                  "com.microsoft", "com.microsoft.nchwc", "pkg.onnxscript.torch_lib")  # fmt: skip
_MOST_FIELDS = 2_000_000
_MOST_SHOWN = 5
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class WireError(Exception):
    """The bytes are not in protobuf's wire format."""


class Field(NamedTuple):
    """A field of a message that holds bytes: its number and its place."""

    number: int
    start: int
    end: int


def problems(source: Source, inside: str | None) -> Iterator[Problem]:
    """What a runtime would need to run the model, or read beside it."""
    domains: set[str] = set()
    paths: set[str] = set()
    try:
        for field in _Reader(source).fields(0, source.size):
            if field.number == _GRAPH:
                _graph(_Reader(source), field, domains, paths)
    except WireError as error:
        yield Problem("damaged", f"The ONNX model cannot be followed: {error}", inside,
                      blocking=True)  # fmt: skip
        return
    outside = sorted(path for path in paths if _leads_out(path))
    if outside:
        shown = ", ".join(one_line(path, 80) for path in outside[:_MOST_SHOWN])
        yield Problem("external-path", f"It takes weights from outside of its folder: {shown}",
                      inside, hostile=True)  # fmt: skip
    foreign = sorted(domains - set(_KNOWN_DOMAINS))
    if foreign:
        shown = ", ".join(one_line(domain, 80) for domain in foreign[:_MOST_SHOWN])
        yield Problem("custom-operators", f"It needs operators that a library of its own brings"
                      f" ({shown}); sdops cannot judge those.", inside, unjudged=True)  # fmt: skip


def _graph(reader: _Reader, graph: Field, domains: set[str], paths: set[str]) -> None:
    for field in reader.fields(graph.start, graph.end):
        if field.number == _NODE:
            for part in reader.fields(field.start, field.end):
                if part.number == _DOMAIN:
                    domains.add(reader.text(part))
        elif field.number == _INITIALIZER:
            for part in reader.fields(field.start, field.end):
                if part.number == _EXTERNAL:
                    entry = {item.number: reader.text(item)
                             for item in reader.fields(part.start, part.end)}  # fmt: skip
                    if entry.get(1) == "location":
                        paths.add(entry.get(2, ""))


def _leads_out(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    return path.startswith(("/", "\\")) or ":" in parts[0] or ".." in parts


class _Reader:
    """Reads messages, jumping over the weights."""

    _WINDOW = 1 << 16

    def __init__(self, source: Source) -> None:
        self._source = source
        self._data, self._base = b"", 0
        self._left = _MOST_FIELDS

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields with bytes between `start` and `end`; raises WireError."""
        while start < end:
            self._left -= 1
            if self._left < 0:
                raise WireError("it has too many fields.")
            key, start = self._number(start)
            number, kind = key >> 3, key & 7
            if kind == _VARINT:
                _, start = self._number(start)
            elif kind in (_FIXED64, _FIXED32):
                start += 8 if kind == _FIXED64 else 4
            elif kind == _BYTES:
                size, start = self._number(start)
                if start + size > end:
                    raise WireError("it is cut off.")
                yield Field(number, start, start + size)
                start += size
            else:
                raise WireError("it is no protobuf message.")
        if start > end:
            raise WireError("it is cut off.")

    def text(self, field: Field) -> str:
        """The text that `field` holds, at most 4 kB of it."""
        data = self._source.read(field.start, min(field.end - field.start, 4096))
        return data.decode("utf-8", "replace")

    def _number(self, place: int) -> tuple[int, int]:
        value = shift = 0
        while shift < 70:
            index = place - self._base
            if not 0 <= index < len(self._data):
                self._data, self._base = self._source.read(place, self._WINDOW), place
                index = 0
            if not self._data:
                raise WireError("it is cut off.")
            byte = self._data[index]
            value |= (byte & 0x7F) << shift
            place, shift = place + 1, shift + 7
            if byte < 0x80:
                return value, place
        raise WireError("it is no protobuf message.")
