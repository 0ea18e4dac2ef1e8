"""numpy's element types: a state that lies about object pointers makes numpy follow any address."""

from __future__ import annotations

import pickle

import pytest

from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import load_policy
from tests.checkpoint.corpus.sample import name, text

np = pytest.importorskip("numpy")


def _verdict(data: bytes) -> str:
    return scan_source("model", BytesSource(data), load_policy()).verdict.word


def _element_type(word: str, flags: int, inner: bytes = b"NNN") -> bytes:
    state = b"K\x03" + text("|") + inner + b"K\x08K\x08" + b"K" + bytes([flags])
    return name("numpy", "dtype") + text(word) + b"\x89\x88\x87R(" + state + b"tb"


_OBJECT_FIELD = b"N" + text("a") + b"\x85}" + text("a") + _element_type("O8", 63) + b"K\x00\x86s"
_LIES = {
    "object-as-number": _element_type("O8", 0),
    "object-without-list": _element_type("O8", 1),
    "object-in-a-list-of-types": _element_type("f8,O", 0),
    "number-as-object": _element_type("f8", 63),
    "field": _element_type("V8", 0, _OBJECT_FIELD),
    "no-flags": name("numpy", "dtype") + text("O8") + b"\x85R(K\x03" + text("|") + b"NNNtb",
    "computed": name("numpy", "dtype") + text("O8") + b"\x85R" + name("torch", "Size") + b")Rb",
}


@pytest.mark.parametrize("label", _LIES)
def test_element_type_that_lies_is_dangerous(label: str):
    scalar = name("numpy._core.multiarray", "scalar") + _LIES[label] + b"C\x08AAAAAAAA\x86R"
    assert _verdict(b"\x80\x03" + scalar + b".") == "dangerous"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("word", [
    "f4", ">i8", "O", "S7", "U3", "V5", "M8[ns]", "m8[s]", "?", "c16", "f4,O,S3", "(2,3)f4",
    [("a", "O"), ("b", [("c", "f8"), ("d", "O", (2,))])], [("x", "f4"), ("y", "(2,)i2")],
])  # fmt: skip
def test_real_arrays_are_safe(word, protocol: int):
    array = np.zeros(2, np.dtype(word))
    data = pickle.dumps([array, array.dtype], protocol)
    assert _verdict(data) == "safe"
