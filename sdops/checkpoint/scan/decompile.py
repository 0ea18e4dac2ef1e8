"""Pickles as Python source, through fickling; a help to read them, never a judgment."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from sdops.checkpoint import formats
from sdops.checkpoint.files.source import FileSource
from sdops.errors import UnreadableInputError

_MAX_PICKLE_BYTES = 8 << 20
_MAX_SHOWN = 200_000
_MAX_PICKLES = 20


def decompile(path: Path) -> Iterator[tuple[str | None, str]]:
    """The member and the Python source of each pickle in the file; nothing is run."""
    try:
        with FileSource(path) as source:
            contents = formats.read(source, formats.recognize(source))
            for trace in contents.traces[:_MAX_PICKLES]:
                size = trace.end - trace.offset
                if trace.source is not None and 0 < size <= _MAX_PICKLE_BYTES:
                    yield trace.member, _python(trace.source.read(trace.offset, size))
    except UnreadableInputError:
        return  # the scan has reported it already


def _python(data: bytes) -> str:
    import ast

    from fickling.fickle import Pickled

    try:
        return ast.unparse(Pickled.load(io.BytesIO(data)).ast)[:_MAX_SHOWN]
    except (Exception, RecursionError) as error:  # fickling fails in many ways on hostile input
        return f"# fickling cannot decompile this pickle: {type(error).__name__}"
