"""The element types of tensors: torch's word, bytes per element, and the word of each format.

Sources: torch/storage.py (`_dtype_to_storage_type_map`), the safetensors format's `Dtype`,
numpy's array protocol type strings.
"""

from __future__ import annotations

from typing import NamedTuple


class Dtype(NamedTuple):
    """One element type."""

    name: str
    """torch's name, without `torch.`: `float16`."""
    size_bytes: int
    safetensors: str | None
    """The word in a safetensors header; None where the format has none."""
    storage: str | None
    """torch's storage class, such as `HalfStorage`; None for types saved as untyped bytes."""
    numpy: str | None
    """numpy's type string without byte order; None where numpy lacks the type."""


DTYPES = (
    Dtype("float64", 8, "F64", "DoubleStorage", "f8"),
    Dtype("float32", 4, "F32", "FloatStorage", "f4"),
    Dtype("float16", 2, "F16", "HalfStorage", "f2"),
    Dtype("bfloat16", 2, "BF16", "BFloat16Storage", None),
    Dtype("int64", 8, "I64", "LongStorage", "i8"),
    Dtype("int32", 4, "I32", "IntStorage", "i4"),
    Dtype("int16", 2, "I16", "ShortStorage", "i2"),
    Dtype("int8", 1, "I8", "CharStorage", "i1"),
    Dtype("uint8", 1, "U8", "ByteStorage", "u1"),
    Dtype("uint16", 2, "U16", None, "u2"),
    Dtype("uint32", 4, "U32", None, "u4"),
    Dtype("uint64", 8, "U64", None, "u8"),
    Dtype("bool", 1, "BOOL", "BoolStorage", "b1"),
    Dtype("complex32", 4, None, "ComplexHalfStorage", None),
    Dtype("complex64", 8, "C64", "ComplexFloatStorage", "c8"),
    Dtype("complex128", 16, None, "ComplexDoubleStorage", "c16"),
    Dtype("float8_e4m3fn", 1, "F8_E4M3", None, None),
    Dtype("float8_e5m2", 1, "F8_E5M2", None, None),
    Dtype("float8_e4m3fnuz", 1, "F8_E4M3FNUZ", None, None),
    Dtype("float8_e5m2fnuz", 1, "F8_E5M2FNUZ", None, None),
    Dtype("float8_e8m0fnu", 1, "F8_E8M0", None, None),
    Dtype("quint8", 1, None, "QUInt8Storage", None),
    Dtype("qint8", 1, None, "QInt8Storage", None),
    Dtype("qint32", 4, None, "QInt32Storage", None),
    Dtype("quint4x2", 1, None, "QUInt4x2Storage", None),
    Dtype("quint2x4", 1, None, "QUInt2x4Storage", None),
)
BY_NAME = {dtype.name: dtype for dtype in DTYPES}
BY_STORAGE = {dtype.storage: dtype for dtype in DTYPES if dtype.storage}
BY_SAFETENSORS = {dtype.safetensors: dtype for dtype in DTYPES if dtype.safetensors}
BY_NUMPY = {dtype.numpy: dtype for dtype in DTYPES if dtype.numpy}

# Sub-byte types of safetensors 0.6 and later; they have bits, not bytes, per element.
SAFETENSORS_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6} | {
    word: dtype.size_bytes * 8 for word, dtype in BY_SAFETENSORS.items()
}
