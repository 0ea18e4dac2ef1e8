"""What joblib, numpy, torch.jit and torch's old format read in their own ways."""

from __future__ import annotations

import io
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.checkpoint.corpus.sample import (
    DANGEROUS,
    UNREADABLE,
    Sample,
    call,
    make_zip,
    name,
    system,
    text,
    torch_zip,
)

_EVIL = system()
_ONE = b"\x80\x02K\x01."
_STATE = b"K\x50K\x01K\x00t\x94b"  # of an element type of 80 bytes: size, alignment, flags


def samples() -> Iterator[Sample]:
    """Attacks that only the file's own reader carries out."""
    yield from _joblib()
    yield from _numpy()
    yield from _limits()
    yield Sample("jit-constants-deeper", make_zip({"a/data.pkl": _EVIL, "a/x/constants.pkl": _ONE}),
                 DANGEROUS)  # fmt: skip
    hidden = call("__torch__.os", "system", "echo")
    yield Sample("jit-constants-case", make_zip({"a/data.pkl": hidden, "a/CONSTANTS.pkl": _ONE}),
                 DANGEROUS)  # fmt: skip


def good() -> Iterator[Sample]:
    """The same formats as their own programs write them."""
    import numpy as np

    pad = {"pad": "x" * 3000}
    plain = pad | {"a": np.eye(3), "b": [np.arange(5, dtype="i2"), np.array(["a", "bcd"])]}
    objects = pad | {"o": np.array([1, "x", None], dtype=object), "z": np.zeros((0, 3))}
    fields = {"f": np.zeros(5, dtype=[("x", "f4"), ("y", "O")]), "m": np.ma.masked_array([1, 2])}
    for label, value in {"plain": plain, "objects": objects, "fields": fields}.items():
        yield Sample(f"joblib-late-{label}", _dumped(value), "safe", ".joblib")
        packed = _dumped(value, compress=("gzip", 1))
        yield Sample(f"joblib-packed-{label}", packed, "safe", ".joblib")
    yield Sample("joblib-protocol-2", _dumped(plain, protocol=2), "safe", ".joblib")
    yield Sample("npy-twenty", _npy() * 20, "safe", ".npy")
    yield Sample(
        "npy-structured", _npy(np.zeros(3, dtype=[("a", "<f4"), ("b", "U3", (2,))])), "safe"
    )


def _dumped(value: object, **options: object) -> bytes:
    import joblib

    if "compress" in options:  # which joblib only does to a file with a name
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a.joblib")
            joblib.dump(value, path, **options)
            return path.read_bytes()
    file = io.BytesIO()
    joblib.dump(value, file, **options)
    return file.getvalue()


def _joblib() -> Iterator[Sample]:
    import numpy as np

    late = _dumped({"pad": "x" * 3000, "a": np.array([None], dtype=object)})
    inner = late.rindex(b"\x80\x04") if late.count(b"\x80\x04") > 1 else late.rindex(b"\x80\x05")
    yield Sample("joblib-late-object-array", late[:inner] + _EVIL, DANGEROUS, ".joblib")
    whole = _dumped({"pad": "x" * 3000, "a": np.eye(3)})
    aligned = b"numpy_array_alignment_bytes\x94K\x10"
    unaligned = whole.replace(aligned, aligned[:-2] + b"N")
    yield Sample("joblib-alignment-none", unaligned, UNREADABLE, ".joblib")
    sized = _dumped({"a": np.zeros(1, dtype="S80")})
    body = name("os", "system") + text("echo") + b"\x85R."
    state, data = sized.index(_STATE), sized.index(bytes(80))
    changed = sized[:state] + b"K\x01" + sized[state + 2 : data + 1] + body
    changed += sized[data + 1 + len(body) :]
    yield Sample("joblib-size-by-build", changed, DANGEROUS, ".joblib")


def _npy(array: object = None) -> bytes:
    import numpy as np

    file = io.BytesIO()
    np.save(file, np.eye(2) if array is None else array)
    return file.getvalue()


def _with_header(word: str) -> bytes:
    header = f"{{'descr': {word}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + _EVIL


def _numpy() -> Iterator[Sample]:
    strings = _with_header("'T'")
    yield Sample("npy-strings", strings, DANGEROUS, ".npy")
    yield Sample("npy-strings-in-fields", _with_header("[('a', '<f4'), ('b', 'T')]"), DANGEROUS)
    yield Sample("npz-strings", make_zip({"x.npy": strings}), DANGEROUS, ".npz")
    yield Sample("npy-then-pickle", _npy() + _EVIL, DANGEROUS, ".npy")
    yield Sample("npy-tenth", _npy() * 9 + strings, DANGEROUS, ".npy")


def _limits() -> Iterator[Sample]:
    yield Sample("pickle-10002", _ONE * 10_001 + _EVIL, UNREADABLE)
    yield Sample("picture-then-pickles", b"GIF89aabc." + b"K\1." * 12 + _EVIL, DANGEROUS, ".gif")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    yield Sample("tar-then-zip", file.getvalue() + torch_zip(_EVIL), DANGEROUS, ".tar")
    import torch

    old = io.BytesIO()
    torch.save({"a": torch.ones(3)}, old, _use_new_zipfile_serialization=False)
    for size in (30, 150, 300, len(old.getvalue()) - 5):
        yield Sample(f"legacy-cut-{size}", old.getvalue()[:size], UNREADABLE, ".pt")
