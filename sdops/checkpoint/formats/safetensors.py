"""safetensors, to the letter of its format: nothing but tensors, without holes or overlaps.

Source: https://github.com/huggingface/safetensors#format and its `tensor.rs`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from sdops.checkpoint.dtypes import BY_SAFETENSORS, SAFETENSORS_BITS
from sdops.checkpoint.files.source import Part, Source
from sdops.checkpoint.formats.contents import Contents, Nested
from sdops.checkpoint.types import Container, Storage, Tensor

MAX_HEADER_BYTES = 100_000_000
READABLE_HEADER_BYTES = 64 << 20
"""Enough for 200,000 tensors with long names."""
MAX_HEADER_VALUES = 500_000
"""Commas and brackets that are parsed at once, which takes memory for each; a tensor has 25 bytes
or more for one. Longer headers are read entry by entry, which must then be those of tensors."""
_ENTRY = re.compile(r'\s*"((?:[^"\\\x00-\x1f]|\\.){0,10000})"\s*:\s*(\{[^{}]{0,1000000}\})\s*')
_MAX_SIZE = (1 << 63) - 1
_SHOWN_CHARACTERS = 100
_MOST_ENTRY_VALUES = 100_000


class _DuplicateKeyError(ValueError):
    pass


class _EntryError(Exception):
    pass


def recognize(head: bytes, source: Source) -> Container | None:
    """By a plausible header length followed by an opening brace."""
    if len(head) < 9 or head[8:9] != b"{":
        return None
    length = int.from_bytes(head[:8], "little")
    return Container.SAFETENSORS if 2 <= length <= max(MAX_HEADER_BYTES, source.size) else None


def read(source: Source, container: Container) -> Contents:
    """The header's tensors and metadata, and every way in which it breaks the format."""
    contents = Contents(container)
    length = int.from_bytes(source.read(0, 8), "little")
    if length > min(READABLE_HEADER_BYTES, source.size - 8):
        if length > MAX_HEADER_BYTES:
            text = f"The header claims {length} bytes; the format allows {MAX_HEADER_BYTES}."
            contents.problem("header-damaged", text, blocking=True)
        elif length > source.size - 8:
            contents.cut(length + 8 - source.size, offset=source.size)
        else:
            text = f"The header has {length} bytes, more than sdops reads."
            contents.problem("header-size", text, blocking=True)
        return contents
    data = source.read(8, length)
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > MAX_HEADER_VALUES:
        entries = _entries(data)
    else:
        header = _header(data, contents)
        if header is None:
            return contents
        entries = iter(header.items())
    try:
        _take(entries, contents, 8 + length)
    except _EntryError as error:
        contents.problem("header-damaged", f"The header is not valid: {error}.", blocking=True)
        return contents
    except _DuplicateKeyError as error:
        contents.problem("duplicate-name", f"The header names {error} twice.", hostile=True,
                         blocking=True)  # fmt: skip
        return contents
    _coverage(contents, source, 8 + length)
    return contents


def _entries(data: bytes) -> Iterator[tuple[str, Any]]:
    """The entries of a long header one by one, so that only one is in memory as values.

    Raises:
        _EntryError: something in it is not as in any header that a program writes.
        _DuplicateKeyError: a name stands twice.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _EntryError(error) from None
    names: set[str] = set()
    place = len(text) - len(text.lstrip())
    if text[place : place + 1] != "{":
        raise _EntryError("it does not begin with a brace")
    while text[place : place + 1] in ("{", ","):
        found = _ENTRY.match(text, place + 1)
        if found is None:
            raise _EntryError(f"what stands at character {place + 1} is not the entry of a tensor")
        if sum(found[2].count(mark) for mark in ",[") > _MOST_ENTRY_VALUES:
            raise _EntryError(f"the entry at character {place + 1} has too many values")
        try:
            name = json.loads(f'"{found[1]}"')
            value = json.loads(found[2], object_pairs_hook=_unique)
        except _DuplicateKeyError:
            raise
        except (ValueError, RecursionError) as error:
            raise _EntryError(error) from None
        if name in names:
            raise _DuplicateKeyError(repr(name[:_SHOWN_CHARACTERS]))
        names.add(name)
        place = found.end()
        yield name, value
    if text[place:].strip() != "}":
        raise _EntryError(f"what stands at character {place} is not the end")


def _header(data: bytes, contents: Contents) -> dict[str, Any] | None:
    try:
        header = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except _DuplicateKeyError as error:
        contents.problem("duplicate-name", f"The header names {error} twice.", hostile=True,
                         blocking=True)  # fmt: skip
        return None
    except (ValueError, RecursionError) as error:
        reason = type(error).__name__ if isinstance(error, RecursionError) else error
        contents.problem("header-damaged", f"The header is not valid: {reason}.", blocking=True)
        return None
    if not isinstance(header, dict):
        contents.problem("header-damaged", "The header is not a JSON object.", blocking=True)
        return None
    if data.rstrip(b" ") != data.rstrip():
        contents.problem("header-padding", "The header is padded with something but spaces.")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _DuplicateKeyError(repr(name[:_SHOWN_CHARACTERS]))
            seen.add(name)
    return found


def _metadata(metadata: object, contents: Contents) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, dict) or any(type(text) is not str for text in metadata.values()):
        contents.problem("metadata-damaged", "The metadata is not a table of texts.")
        metadata = metadata if isinstance(metadata, dict) else {}
    contents.metadata.update({key: str(text) for key, text in metadata.items()})


def _take(entries: Iterator[tuple[str, Any]], contents: Contents, start: int) -> None:
    for name, entry in entries:
        if name == "__metadata__":
            _metadata(entry, contents)
            continue
        tensor = _tensor(name, entry, start)
        if isinstance(tensor, str):
            contents.problem("tensor-damaged", tensor, member=name, blocking=True)
        else:
            contents.tensors.append(tensor)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_SIZE


def _tensor(name: str, entry: Any, start: int) -> Tensor | str:
    if not isinstance(entry, dict):
        return "A tensor's entry is not an object."
    word, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(word, str) or word not in SAFETENSORS_BITS:
        return f"The element type {word!r} is not known."
    if not isinstance(shape, list) or not all(map(_is_size, shape)) or len(shape) > 64:
        return "A tensor's shape is not a list of sizes."
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_size, offsets)):
        return "A tensor's place is not a pair of offsets."
    begin, end = offsets
    bits = SAFETENSORS_BITS[word]
    for size in shape:
        bits *= size
    if begin > end or bits != (end - begin) * 8:
        return f"A tensor's {end - begin} bytes do not fit its shape and element type."
    known = BY_SAFETENSORS.get(word)
    dtype = known.name if known else word.lower()
    storage = Storage(name, dtype, start + begin, end - begin)
    return Tensor(name, dtype, tuple(shape), row_major(shape), storage, path=(name,))


def row_major(shape: list[int] | tuple[int, ...]) -> tuple[int, ...]:
    """The strides, in elements, of a contiguous tensor of this shape."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def _coverage(contents: Contents, source: Source, start: int) -> None:
    """Tensors must follow one another without a gap from the header to the end of the file."""
    position, size = start, source.size
    for tensor in sorted(contents.tensors, key=lambda item: (item.storage.offset, item.elements)):
        offset = tensor.storage.offset or 0
        if offset > position:
            contents.problem("hole", f"{offset - position} bytes belong to no tensor.",
                             member=tensor.name, offset=position, hostile=True)  # fmt: skip
            contents.nested.append(
                Nested("(hole)", partial(Part, source, position, offset - position))
            )
        elif offset < position:
            contents.problem("overlap", "Two tensors share bytes.",
                             member=tensor.name, offset=offset, hostile=True)  # fmt: skip
        position = max(position, offset + tensor.storage.size_bytes)
    if position > size:
        contents.cut(position - size, offset=size)
    elif position < size and not any(problem.blocking for problem in contents.problems):
        contents.problem("trailing-bytes", f"{size - position} bytes follow the last tensor.",
                         offset=position, hostile=True)  # fmt: skip
        contents.nested.append(Nested("(after the tensors)", partial(Part, source, position, size)))
