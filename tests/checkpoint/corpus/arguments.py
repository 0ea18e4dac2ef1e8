"""Allowed functions with arguments that no program writes."""

from __future__ import annotations

from collections.abc import Iterator

from tests.checkpoint.corpus.sample import DANGEROUS, Sample, name, text, torch_zip

_MANY = b"J\0\0\0\1"  # 2**24
_V3 = b"\x80\x03"


def samples() -> Iterator[Sample]:
    """Samples that crash the loader, fill its memory, or call methods of what they bring."""
    large = name("builtins", "bytearray") + _MANY + b"\x85R"
    yield Sample("arguments-bytearrays", _V3 + b"(" + large * 40 + b"l.", DANGEROUS)
    # A short range is refused as a long one is, and does not keep the oracle busy.
    numbers = name("builtins", "range") + b"M\xff\xff\x85R"
    for module, made in (("builtins", "set"), ("builtins", "frozenset"), ("collections", "deque"),
                         ("collections", "Counter"), ("torch", "Size")):  # fmt: skip
        data = _V3 + name(module, made) + numbers + b"\x85R."
        yield Sample(f"arguments-range-{made}", data, DANGEROUS)
    item = name("numpy", "dtype") + text("V2000000000") + b"\x85R"
    scalar = name("numpy.core.multiarray", "scalar") + item + b"\x85R."
    yield Sample("arguments-large-item", _V3 + scalar, DANGEROUS)
    outside = _fields(b"K\x64") + b"."
    yield Sample("arguments-field-outside", _V3 + outside, DANGEROUS)
    namespace = name("types", "SimpleNamespace") + b")R"
    for module, made in (
        ("torch.nn.parameter", "Parameter"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"),
    ):
        data = _V3 + name(module, made) + namespace + b"\x85R."
        yield Sample(f"arguments-namespace-{made}", data, DANGEROUS)
    container = name("torch.nn.modules.container", "ParameterDict") + b")\x81"
    data = _V3 + container + text("__class__") + b"K\1s."
    yield Sample("arguments-items-of-module", data, DANGEROUS)
    storage = b"(" + text("storage") + name("torch", "FloatStorage") + text("0") + text("cpu")
    view = (b"\x80\x02" + name("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + b"K\x01tQ"
            b"K\x00" + _MANY + b"\x85K\x01\x85\x89" + name("collections", "OrderedDict")
            + b")RtR.")  # fmt: skip
    yield Sample("arguments-view-too-large", torch_zip(view, **{"x/data/0": bytes(4)}), DANGEROUS)


def _fields(place: bytes) -> bytes:
    """An element of eight bytes with a field of four bytes at `place`."""
    four = name("numpy", "dtype") + text("f4") + b"\x85R"
    state = (b"(K\x03" + text("|") + b"N" + text("x") + b"\x85}" + text("x") + four + place
             + b"\x86sK\x08K\x01K\x10t")  # fmt: skip
    return name("numpy", "dtype") + text("V8") + b"\x85R" + state + b"b"
