"""Lays out a safetensors file before a byte of it is written: header, order, every offset.

The result is what safetensors' own `save_file` writes: tensors by the alignment rank of their type,
the widest first, then by name; a compact JSON header, filled with spaces to a multiple of 8 bytes.
Source: huggingface/safetensors safetensors/src/tensor.rs `prepare` and `enum Dtype`; the order was
read off safetensors 0.8.0. That library writes metadata keys in random order; here they keep
theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from sdops.checkpoint.dtypes import BY_NAME
from sdops.errors import SdopsError

HEADER_LIMIT_BYTES = 100_000_000
"""safetensors refuses to read longer headers."""

_RANK = (
    "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16",
    "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64",
)  # fmt: skip
_RANK_OF = {word: rank for rank, word in enumerate(_RANK)}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A tensor to be written."""

    name: str
    dtype: str
    """torch's name of the element type."""
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """The bytes of its elements."""
        return prod(self.shape) * BY_NAME[self.dtype].size_bytes


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one tensor's bytes in the file."""

    tensor: Outgoing
    offset: int
    """Bytes from the start of the file."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole file, planned."""

    header: bytes
    """The length word and the JSON, as they stand at the start of the file."""
    slots: tuple[Slot, ...]
    """In the order in which they lie in the file."""
    size_bytes: int


def layout(tensors: Iterable[Outgoing], metadata: Mapping[str, str]) -> Layout:
    """The plan of a safetensors file that holds `tensors`, no two of one name, and `metadata`.

    Raises:
        SdopsError: safetensors has no word for a tensor's type, or the header is too long for any
            reader.
    """
    tensors = tuple(tensors)
    _refuse_reserved(tensors)
    ordered = sorted(tensors, key=lambda tensor: (-_RANK_OF[_word(tensor)], tensor.name))
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    starts: list[int] = []
    for tensor in ordered:
        starts.append(position)
        end = position + tensor.size_bytes
        header[tensor.name] = {
            "dtype": _word(tensor),
            "shape": list(tensor.shape),
            "data_offsets": [position, end],
        }
        position = end
    raw = _raw(header)
    slots = tuple(
        Slot(tensor, len(raw) + start) for tensor, start in zip(ordered, starts, strict=True)
    )
    return Layout(raw, slots, len(raw) + position)


def _refuse_reserved(tensors: Iterable[Outgoing]) -> None:
    if any(tensor.name == "__metadata__" for tensor in tensors):
        raise SdopsError(
            "A tensor is named __metadata__, which safetensors keeps for itself.",
            "sdops convert --to ckpt writes a file that can hold it.",
        )


def in_header(key: str, text: str) -> bytes:
    """A piece of metadata as it stands in the header."""
    return _json({key: text})[1:-1]


def _raw(header: Mapping[str, object]) -> bytes:
    text = _json(header)
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_LIMIT_BYTES:
        raise SdopsError(
            f"The header would be {len(text)} bytes long; safetensors reads at most"
            f" {HEADER_LIMIT_BYTES}.",
            "Leave out the metadata with --no-metadata.",
        )
    return len(text).to_bytes(8, "little") + text


def _json(document: Mapping[str, object]) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.end + 20]
        raise SdopsError(
            f"A tensor's name or a piece of metadata is no valid text: {around!r}.",
            "Leave out the metadata with --no-metadata, if it is that.",
        ) from None


def _word(tensor: Outgoing) -> str:
    word = BY_NAME[tensor.dtype].safetensors
    if word is None or word not in _RANK_OF:
        raise SdopsError(
            f"safetensors cannot hold the type {tensor.dtype} of the tensor {tensor.name!r}.",
            "Convert that tensor with the program that made it.",
        )
    return word
