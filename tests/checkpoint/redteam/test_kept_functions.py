"""A function that runs what it is given must not be kept where an object would call it.

Objects look their own attributes up before their class's: a `__setstate__`, `append` or
`_key_to_attr` that a pickle put there is called with the pickle's next value.
"""

from __future__ import annotations

import pickle
import struct

import pytest

from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import load_policy
from tests.checkpoint.corpus.sample import name, stack_name, system, text

_LOAD = name("torch.storage", "_load_from_bytes")
_BYTES = b"B" + struct.pack("<I", len(system())) + system()
_DICT = name("collections", "OrderedDict") + b")R"
_MODULES = "torch.nn.modules.container"


def _object(module: str, attribute: str, key: str, value: bytes) -> bytes:
    """An object of the class, with `key: value` among its attributes."""
    return name(module, attribute) + b")\x81}" + text(key) + value + b"sb"


_KEPT = {
    "setstate": _object("collections", "OrderedDict", "__setstate__", _LOAD) + _BYTES + b"b",
    "setstate-slots": _DICT + b"N}" + text("__setstate__") + _LOAD + b"s\x86b" + _BYTES + b"b",
    "setstate-as-item": name("pytorch_lightning.utilities.parsing", "AttributeDict")
    + b")\x81" + text("__setstate__") + _LOAD + b"s" + _BYTES + b"b",
    "append": _object(_MODULES, "ParameterList", "append", _LOAD) + _BYTES + b"a",
    "key": _object(_MODULES, "ParameterDict", "_key_to_attr", _LOAD) + _BYTES + b"Ns",
    "after-a-call": _LOAD + b"q\x01" + _BYTES + b"\x85R0"
    + _object("argparse", "Namespace", "append", b"h\x01"),
    "by-dup": _LOAD + b"2" + _BYTES + b"\x85R00N",
    "in-keywords": name("types", "SimpleNamespace") + b")}" + text("append") + _LOAD + b"s\x92",
    "in-a-persistent-id": b"(" + text("module") + _LOAD + b"NNtQ0N",
    "codec": _object("argparse", "Namespace", "append", name("_codecs", "encode")),
    "reconstructor": _object("argparse", "Namespace", "a", name("copyreg", "_reconstructor")),
}  # fmt: skip


def _verdict(data: bytes) -> str:
    return scan_source("model", BytesSource(data), load_policy()).verdict.word


@pytest.mark.parametrize("label", _KEPT)
def test_kept_function_is_dangerous(label: str):
    # The bytes that would be unpickled are not looked into: the way there must be enough.
    assert _verdict(b"\x80\x04" + _KEPT[label] + b".") == "dangerous"


@pytest.mark.parametrize("key", ["__setstate__", "__class__", "__array_interface__"])
def test_special_attribute_is_dangerous(key: str):
    state = text(key) + b"Ns"
    assert _verdict(b"\x80\x02" + _DICT + b"}" + state + b"b.") == "dangerous"
    assert _verdict(b"\x80\x02" + _DICT + b"N}" + state + b"\x86b.") == "dangerous"


def test_computed_attribute_name_is_dangerous():
    element = name("numpy", "dtype") + text("U9") + b"\x85R"
    key = name("numpy._core.multiarray", "scalar") + element + b"C\x04____\x86R"
    assert _verdict(b"\x80\x03" + _DICT + b"}" + key + b"Nsb.") == "dangerous"


def test_class_in_a_persistent_id_of_torch_tar_is_the_first():
    harmless = name("collections", "OrderedDict")
    identity = b"(" + _LOAD + harmless + b"NNtQ"
    assert _verdict(b"\x80\x02" + identity + _BYTES + b"\x85R.") == "dangerous"


def test_functions_that_are_called_are_fine():
    value = [b"\xff\x00", b"\x80", bytearray(b"\xfe"), pickle.PickleBuffer]
    assert _verdict(pickle.dumps(value[:3], 2)) == "safe"
    imported = stack_name("_codecs", "encode") + b"\x94"
    called = text("x") + text("latin1") + b"\x86R0"
    assert _verdict(b"\x80\x04" + imported + called + b"h\x00" + called + b"N.") == "safe"
