"""Plain pickles, torch's format before 1.6, and joblib's pickles with arrays between.

Source: torch/serialization.py (`_legacy_load`), joblib/numpy_pickle.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sdops.checkpoint.dtypes import BY_NAME, BY_STORAGE, Dtype
from sdops.checkpoint.files.source import Part, Source
from sdops.checkpoint.formats.contents import Contents, Nested
from sdops.checkpoint.formats.plain import is_text
from sdops.checkpoint.trace.gadgets import gadget
from sdops.checkpoint.trace.joblib import WRAPPER, JoblibMachine, is_joblib
from sdops.checkpoint.trace.streams import may_be_pickle, read_stream, read_streams
from sdops.checkpoint.trace.values import (
    Dict,
    Global,
    Persistent,
    Trace,
    Value,
    is_plausible,
    real_name,
)
from sdops.checkpoint.types import Container, Storage

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_MAGIC = _MAGIC_NUMBER.to_bytes(10, "little")
_PROBE_OPERATIONS = 20_000
_PICKLES_BEFORE_STORAGES = 5
_MOST_STREAMS_IN_STORAGES = 100


def recognize(head: bytes, source: Source) -> Container | None:
    """By torch's magic number, joblib's wrapper, or because it reads as a pickle."""
    if not may_be_pickle(head):
        return None
    if head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5:
        if _MAGIC in head[:24]:  # a frame may stand before it
            return Container.TORCH_LEGACY
        return Container.PICKLE
    trace = read_stream(source, operations=_PROBE_OPERATIONS)
    if trace.root == _MAGIC_NUMBER and type(trace.root) is int:
        return Container.TORCH_LEGACY
    # Text and weights may start with bytes that are opcodes; they import nothing by a real name.
    names = list(filter(is_plausible, trace.globals.values()))
    imports = bool(names) and (not is_text(head) or any(map(_is_known, names)))
    called = any(is_plausible(call.callee) for call in trace.calls)
    known = called or imports or trace.complete or trace.over_budget
    return Container.PICKLE if known else None


def _is_known(reference: Global) -> bool:
    return gadget(*real_name(reference)) is not None


def read(source: Source, container: Container) -> Contents:
    """The traces of all pickles, and where storages lie."""
    if container is Container.TORCH_LEGACY:
        return _read_legacy(source)
    contents = Contents(container)
    contents.traces.extend(read_streams(source))
    if any(map(is_joblib, contents.traces)):
        return _read_joblib(source, contents.traces)
    if contents.traces:
        contents.main = contents.traces[0]
    return contents


def _read_joblib(source: Source, as_pickle: list[Trace]) -> Contents:
    """As joblib reads it, and as pickle does, for which the arrays are opcodes."""
    contents = Contents(Container.JOBLIB)
    trace = JoblibMachine(source).run()
    contents.traces += [trace, *trace.embedded]
    if trace.complete and trace.end < source.size:
        contents.traces.extend(read_streams(source, trace.end))
    for other in as_pickle:
        # pickle cannot read past an array, and need not: what it finds there is mostly numbers,
        # and names that are mixed up, as its memo is no longer joblib's.
        names = other.globals.values()
        if any(_is_known(name) for name in names if real_name(name) != WRAPPER):
            other.fault, other.odd, other.computed = "", [], []
            contents.traces.append(other)
    return contents


def _read_legacy(source: Source) -> Contents:
    contents = Contents(Container.TORCH_LEGACY)
    offset = 0
    for _ in range(_PICKLES_BEFORE_STORAGES):
        trace = read_stream(source, offset)
        contents.traces.append(trace)
        if not trace.complete:
            ends = trace.fault_offset + 9 >= source.size
            contents.problem("truncated" if ends else "pickle-damaged", trace.fault,
                             offset=trace.fault_offset, blocking=True)  # fmt: skip
            # From here on other loaders may find what torch does not.
            contents.traces.extend(read_streams(source, offset)) if offset else None
            return contents
        offset = trace.end
    contents.main = contents.traces[3]
    contents.traces.extend(_streams_in_storages(source, offset))
    big_endian = _is_big_endian(contents.traces[2].root)
    end = _storages(contents, contents.traces[4].root, source, offset, big_endian)
    if end < source.size:
        contents.problem("trailing-bytes", f"{source.size - end} bytes follow the last storage.",
                         offset=end)  # fmt: skip
        contents.nested.append(
            Nested("(after the storages)", partial(Part, source, end, source.size))
        )
    return contents


def _streams_in_storages(source: Source, offset: int) -> Iterator[Trace]:
    """What a program that reads pickle after pickle finds where torch reads storages."""
    for _ in range(_MOST_STREAMS_IN_STORAGES):
        trace = read_stream(source, offset)
        if trace.calls or trace.globals or trace.computed or trace.fills:
            yield trace
        if not trace.complete:
            return
        offset = trace.end


def _is_big_endian(system: Value) -> bool:
    if not isinstance(system, Dict):
        return False
    pairs = zip(system.items[::2], system.items[1::2], strict=False)
    return any(key == "little_endian" and value is False for key, value in pairs)


def _storages(
    contents: Contents, keys: Value, source: Source, offset: int, big_endian: bool
) -> int:
    """Walks the sized storages behind the pickles; returns where they end."""
    assert contents.main is not None
    claims = storage_claims(contents.main)
    for key in keys if isinstance(keys, list) else []:
        count = int.from_bytes(source.read(offset, 8), "little", signed=True)
        claim = claims.get(key) if isinstance(key, str) else None
        dtype = element_type(claim[0]) if claim else None
        if dtype is None or count < 0:
            contents.problem("storage-damaged", "The list of storages does not fit the pickle.",
                             offset=offset, blocking=True)  # fmt: skip
            break
        size = count * dtype.size_bytes
        offset += 8
        if offset + size > source.size:
            contents.cut(offset + size - source.size, offset=source.size)
            return source.size
        contents.storages[key] = Storage(key, dtype.name, offset, size, big_endian)
        offset += size
    return offset


def storage_claims(trace: Trace) -> dict[str, tuple[str, int]]:
    """By storage key: torch's storage class and the number of elements, from persistent ids.

    Where ids disagree, the first decides, as in torch.
    """
    found: dict[str, tuple[str, int]] = {}
    for persistent in trace.persistent:
        described = describe_storage(persistent)
        if described is not None:
            found.setdefault(described[0], described[1:])
    return found


def element_type(storage_class: str) -> Dtype:
    """The element type of torch's storage class; untyped storages count bytes."""
    return BY_STORAGE.get(storage_class) or BY_NAME["uint8"]


def describe_storage(persistent: Persistent) -> tuple[str, str, int] | None:
    """Key, storage class and number of elements of torch's persistent id, if it is one."""
    identity = persistent.id
    if not isinstance(identity, tuple) or len(identity) not in (5, 6):
        return None
    kind, storage, key, _, count = identity[:5]
    if kind not in ("storage", b"storage") or type(count) is not int or not isinstance(key, str):
        return None
    if not isinstance(storage, Global):
        return None
    name = storage.name
    if name != "UntypedStorage" and name not in BY_STORAGE:
        return None
    return key, name, count
