# ruff: noqa: E501
"""The symbolic machine computes what Python's unpickler computes, and stays within its budgets."""

from __future__ import annotations

import io
import pickle
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.checkpoint.files.source import BytesSource, Part
from sdops.checkpoint.trace import machine as machine_module
from sdops.checkpoint.trace.frames import Spliced
from sdops.checkpoint.trace.streams import read_stream, read_streams
from sdops.checkpoint.trace.values import Blob, Dict, Set

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    | st.frozensets(st.integers(), max_size=4),
    max_leaves=20,
)  # fmt: skip


def _value(symbolic):
    """A symbolic value as Python's own."""
    if isinstance(symbolic, Dict):
        pairs = zip(symbolic.items[::2], symbolic.items[1::2], strict=True)
        return {_value(key): _value(item) for key, item in pairs}
    if isinstance(symbolic, Set):
        return frozenset(map(_value, symbolic.items))
    if isinstance(symbolic, (list, tuple)):
        return type(symbolic)(map(_value, symbolic))
    return symbolic


@given(value=_PLAIN, protocol=st.sampled_from([4, 5]), python=st.booleans())
def test_plain_values_come_out_as_they_went_in(value, protocol, python):
    file = io.BytesIO()
    (pickle._Pickler if python else pickle.Pickler)(file, protocol).dump(value)
    trace = read_stream(BytesSource(file.getvalue()))
    assert trace.complete
    assert trace.end == len(file.getvalue())
    assert not trace.odd
    assert _value(trace.root) == value


@given(
    value=st.recursive(st.text() | st.integers() | st.none(), st.lists), protocol=st.integers(0, 3)
)
def test_old_protocols_too(value, protocol):
    trace = read_stream(BytesSource(pickle.dumps(value, protocol)))
    assert trace.complete
    assert _value(trace.root) == value


def test_long_values_are_left_in_the_file(monkeypatch):
    data = pickle.dumps(["a" * 100_000, b"b" * 6_000_000, "end"], 4)
    trace = read_stream(BytesSource(data))
    text, raw, end = trace.root
    assert isinstance(text, Blob)
    assert isinstance(raw, Blob)
    assert data[raw.offset : raw.offset + raw.size] == b"b" * 6_000_000
    assert end == "end"


@settings(max_examples=30)
@given(values=st.lists(st.text(max_size=40), min_size=50, max_size=400), protocol=st.integers(0, 5))
def test_windows_do_not_change_the_reading(values, protocol):
    data = pickle.dumps(values, protocol)
    whole = read_stream(BytesSource(data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine_module, "_WHOLE_BYTES", 0)
        patch.setattr(machine_module, "_FIRST_WINDOW_BYTES", 64)
        patch.setattr(machine_module, "WINDOW_BYTES", 512)
        patch.setattr(machine_module, "LINE_LIMIT", 512)
        pieces = read_stream(BytesSource(data))
    assert pieces.root == whole.root == values
    assert pieces.end == whole.end


@pytest.mark.parametrize(
    ("limit", "data"),
    [
        ("OPERATION_LIMIT", b"\x80\x02" + b"N0" * 20_000 + b"N."),
        (
            "MEMO_LIMIT",
            b"\x80\x02N" + b"".join(b"r" + struct.pack("<I", i) for i in range(9000)) + b".",
        ),
        ("STACK_LIMIT", b"\x80\x02" + b"N" * 9000 + b"."),
        ("MARK_LIMIT", b"\x80\x02" + b"(" * 9000 + b"N."),
        ("EVENT_LIMIT", b"\x80\x02" + b"cx\ny\n)R0" * 9000 + b"N."),
    ],
)
def test_budgets_are_kept(monkeypatch, limit, data):
    monkeypatch.setattr(machine_module, limit, 4000)
    operations = 4000 if limit == "OPERATION_LIMIT" else 10**9
    trace = read_stream(BytesSource(data), operations=operations)
    assert trace.over_budget
    assert not trace.complete


def test_what_happened_before_damage_counts_and_reading_goes_on_after_it():
    data = b"cos\nsystem\n)R\xff\xff\xff\x80\x02cos\npopen\n)R."
    first, second = read_streams(BytesSource(data))
    assert [call.callee.name for call in first.calls] == ["system"]
    assert first.fault
    assert [call.callee.name for call in second.calls] == ["popen"]


def test_the_c_unpickler_loses_the_rest_of_a_crossed_frame():
    """The premise of `frames`, on the interpreter that runs the tests."""
    data = b"\x80\x04\x95" + struct.pack("<Q", 3) + b"\x8c\x05a" + b"bcdeN."
    assert pickle.loads(data) is None
    assert pickle.load(io.BytesIO(data)) == "bcdeN"
    assert [trace.root for trace in read_streams(BytesSource(data)) if trace.complete] == [
        None, "bcdeN"]  # fmt: skip


@given(
    st.binary(max_size=40),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 45),
    st.integers(0, 45),
)
def test_spliced_and_part_read_like_slices(data, start, end, offset, length):
    start, end = sorted((min(start, len(data)), min(end, len(data))))
    whole = data[:start] + data[end:]
    spliced = Spliced(BytesSource(data), start, end)
    assert spliced.size == len(whole)
    assert spliced.read(offset, length) == whole[offset : offset + length]
    part = Part(BytesSource(data), start, end - start)
    assert part.read(offset, length) == data[start:end][offset : offset + length]
