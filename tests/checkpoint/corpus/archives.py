# ruff: noqa: E501
"""Container tricks: archives, checkpoints and polyglots that readers see differently."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np

from tests.checkpoint.corpus.sample import (
    DANGEROUS,
    SUSPICIOUS,
    SYSTEM,
    UNREADABLE,
    Sample,
    call,
    make_zip,
    patch,
    system,
    torch_zip,
)

CLEAN = b"\x80\x02}."
_EVIL = system()


def samples() -> Iterator[Sample]:
    """The samples."""
    yield from _plain_archives()
    yield from _zip_fields()
    yield from _zip_structure()
    yield from _polyglots()
    yield from _compressed()
    yield from _tar()
    yield from _torch()
    yield from _numpy()
    yield from _safetensors()


def _plain_archives() -> Iterator[Sample]:
    for name in ("x/data.pkl", "x/DATA.PKL", "x/other.bin", "x/data/0", "x/.data/hidden", "a.txt",
                 "model.safetensors", "x/constants.pkl", "noname", "x/code/a.py"):  # fmt: skip
        members = {"x/data.pkl": CLEAN, name: _EVIL}
        yield Sample(f"zip-member-{name.replace('/', '_')}", make_zip(members), DANGEROUS, ".pt")
    for label, method in (("deflated", 8), ("bzip2", 12), ("lzma", 14)):
        data = make_zip({"x/data.pkl": _EVIL}, method)
        yield Sample(f"zip-{label}", data, DANGEROUS, ".pt")
    inner = make_zip({"x/data.pkl": _EVIL})
    yield Sample("zip-in-zip", make_zip({"x/data.pkl": CLEAN, "x/in.zip": inner}), DANGEROUS, ".pt")
    many = inner
    for _ in range(9):
        many = make_zip({"in.zip": many})
    yield Sample("zip-too-deep", many, UNREADABLE, ".zip")


def _zip_fields() -> Iterator[Sample]:
    """One field of one record changed: what one reader believes, another does not."""
    good = torch_zip(CLEAN)
    evil = torch_zip(_EVIL)
    central, local, end = b"PK\1\2", b"PK\3\4", b"PK\5\6"
    for label, signature, field, value in (
        ("central-encrypted", central, 8, b"\1"),
        ("local-encrypted", local, 6, b"\1"),
        ("central-strong", central, 8, b"\x40"),
        ("central-patched", central, 8, b"\x20"),
        ("central-method", central, 10, b"\x63"),
        ("local-method", local, 8, b"\x08"),
        ("central-crc", central, 16, b"\xde\xad\xbe\xef"),
        ("local-crc", local, 14, b"\xde\xad\xbe\xef"),
        ("central-size", central, 24, b"\1\0\0\0"),
        ("central-packed-size", central, 20, b"\1\0\0\0"),
        ("local-size", local, 22, b"\1\0\0\0"),
        ("local-packed-size", local, 18, b"\1\0\0\0"),
        ("central-disk", central, 34, b"\1"),
        ("central-offset", central, 42, b"\7\0\0\0"),
        ("end-disk", end, 4, b"\1"),
        ("end-entries", end, 10, b"\1\0"),
        ("end-entries-on-disk", end, 8, b"\1\0"),
        ("end-size", end, 12, b"\1\0\0\0"),
        ("end-offset", end, 16, b"\1\0\0\0"),
        ("end-comment", end, 20, b"\1\0"),
    ):
        yield Sample(f"zip-{label}", patch(evil, signature, field, value), SUSPICIOUS, ".pt")
        yield Sample(f"zip-{label}-clean", patch(good, signature, field, value), SUSPICIOUS, ".pt")
    name = patch(good, local, 30, b"x/evil.pkl")
    yield Sample("zip-local-name", name, SUSPICIOUS, ".pt")
    unicode_path = struct.pack("<HHBI", 0x7075, 5 + 8, 1, zlib.crc32(b"x/data.pkl")) + b"evil.pkl"
    info = zipfile.ZipInfo("x/data.pkl")
    info.extra = unicode_path
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, CLEAN)
    yield Sample("zip-unicode-path", file.getvalue(), SUSPICIOUS, ".pt")


def _zip_structure() -> Iterator[Sample]:
    good, evil = torch_zip(CLEAN), torch_zip(_EVIL)
    yield Sample("zip-prefix", b"\x80\x02N." + evil, DANGEROUS, ".pt")
    yield Sample("zip-prefix-html", b"<html></html>" + evil, DANGEROUS, ".html")
    yield Sample("zip-suffix", good + b"\0" * 8, SUSPICIOUS, ".pt")
    yield Sample("zip-comment-ok", torch_zip(_EVIL), DANGEROUS, ".pt")
    yield Sample("zip-after-zip", good + evil, SUSPICIOUS, ".pt")
    yield Sample("zip-in-comment", make_zip({"x/data.pkl": CLEAN}, comment=evil), SUSPICIOUS, ".pt")
    for first, second in (("x/data.pkl", "x/data.pkl"), ("x/data.pkl", "X/DATA.pkl"),
                          ("x/data.pkl", "x/./data.pkl"), ("x/data.pkl", "x\\data.pkl")):  # fmt: skip
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for member, data in ((first, CLEAN), (second, _EVIL)):
                info = zipfile.ZipInfo("x")
                info.filename = member
                archive.writestr(info, data)
        label = second.replace("/", "_").replace("\\", "-")
        yield Sample(f"zip-duplicate-{label}", file.getvalue(), DANGEROUS, ".pt")
    for label, member in (
        ("nul", "x/data.pklZa"),
        ("parent", "x/../data.pkl"),
        ("root", "/data.pkl"),
    ):
        data = make_zip({member: CLEAN}).replace(b"pklZa", b"pkl\0a")
        yield Sample(f"zip-name-{label}", data, SUSPICIOUS, ".pt")
    yield Sample("zip-hidden-member", _hidden(), SUSPICIOUS, ".pt")
    yield Sample("zip-cut-off", evil[:-30], DANGEROUS, ".pt")
    yield Sample("zip-end-only", evil[-22:], SUSPICIOUS, ".pt")
    yield Sample("zip-wide-end", _wide_end(good), SUSPICIOUS, ".pt")
    empty_code = make_zip(
        {"x/data.pkl": CLEAN, "x/constants.pkl": CLEAN, "x/code/__torch__.py": b""}
    )
    yield Sample("torchscript", empty_code, "not-judged", ".pt")


def _hidden() -> bytes:
    """An archive between whose members stands one that the directory leaves out."""
    good, evil = make_zip({"x/data.pkl": CLEAN}), make_zip({"x/evil.pkl": _EVIL})
    body_end, evil_end = good.index(b"PK\1\2"), evil.index(b"PK\1\2")
    moved = good[:body_end] + evil[:evil_end] + good[body_end:]
    return patch(moved, b"PK\5\6", 16, struct.pack("<L", body_end + evil_end))


def _wide_end(good: bytes) -> bytes:
    """An archive whose 64-bit end record contradicts the other."""
    at = good.rindex(b"PK\5\6")
    _, _, _, _, entries, size, offset, _ = struct.unpack("<4s4H2LH", good[at:])
    wide = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, size, offset + 4
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    return good[:at] + wide + locator + good[at:]


def _polyglots() -> Iterator[Sample]:
    body = SYSTEM + b"."
    yield Sample("safetensors-then-zip", _safetensors_file({}, b"") + torch_zip(_EVIL), DANGEROUS,
                 ".safetensors")  # fmt: skip
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
    yield Sample("picture-then-zip", png + torch_zip(_EVIL), DANGEROUS, ".png")
    yield Sample("pickle-then-zip", b"\x80\x02N." + torch_zip(_EVIL), DANGEROUS, ".pt")
    yield Sample(
        "gguf-then-zip", b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + torch_zip(_EVIL), DANGEROUS
    )
    info = tarfile.TarInfo("(S'x'\nios\nsystem\n.")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(info)
    yield Sample("tar-and-pickle", file.getvalue(), DANGEROUS, ".tar")
    info.name = "N.(S'x'\nios\nsystem\n."
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(info)
    yield Sample("tar-and-second-pickle", file.getvalue(), DANGEROUS, ".tar")
    for suffix in (".safetensors", ".json", ".txt", ".png", ".yaml", ".gguf"):
        yield Sample(f"wrong-suffix{suffix}", _EVIL, DANGEROUS, suffix)
    yield Sample("text-pickle", b"(S'echo sdops'\nios\nsystem\n.", DANGEROUS, ".txt")
    yield Sample("body-only", body, DANGEROUS)


def _gzip(data: bytes) -> bytes:
    """With a fixed date."""
    return gzip.compress(data, mtime=0)


def _compressed() -> Iterator[Sample]:
    packers = {"gz": _gzip, "bz2": bz2.compress, "xz": lzma.compress, "zlib": zlib.compress,
               "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE)}  # fmt: skip
    for suffix, pack in packers.items():
        yield Sample(f"packed-{suffix}", pack(_EVIL), DANGEROUS, f".{suffix}")
        yield Sample(f"packed-{suffix}-cut", pack(_EVIL + bytes(range(256)) * 40)[:-20], UNREADABLE)
    yield Sample("packed-two", _gzip(CLEAN) + _gzip(_EVIL), DANGEROUS, ".gz")
    yield Sample("packed-zip", _gzip(torch_zip(_EVIL)), DANGEROUS, ".gz")


def _tar() -> Iterator[Sample]:
    def tar(**members: bytes) -> bytes:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return file.getvalue()

    yield Sample("tar-pickle", tar(**{"a.txt": b"x", "model.pkl": _EVIL}), DANGEROUS, ".tar")
    yield Sample("tar-gz", _gzip(tar(model=_EVIL)), DANGEROUS, ".tar.gz")
    for member in ("storages", "tensors", "pickle"):
        parts = {"storages": b"\x80\x02K\0.\x80\x02].", "tensors": b"\x80\x02K\0.", "pickle": CLEAN}
        yield Sample(f"torch-tar-{member}", tar(**(parts | {member: _EVIL})), DANGEROUS, ".tar")
    class_id = b"\x80\x02cos\nsystem\nNN\x87QX\x04\0\0\0echo\x85R."
    parts = {"storages": b"\x80\x02K\0.\x80\x02].", "tensors": b"\x80\x02K\0.", "pickle": class_id}
    yield Sample("torch-tar-class-id", tar(**parts), DANGEROUS, ".tar")


def _torch() -> Iterator[Sample]:
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    version, system_info = b"\x80\x02M\xe9\x03.", b"\x80\x02}."
    keys = b"\x80\x02]."
    head = [magic, version, system_info, CLEAN, keys]
    for place, label in enumerate(("magic", "version", "system", "object", "keys")):
        parts = list(head)
        parts[place] = _EVIL
        yield Sample(f"legacy-{label}", b"".join(parts), DANGEROUS, ".pt")
    yield Sample("legacy-after", b"".join(head) + _EVIL, DANGEROUS, ".pt")
    late = b"\x80\x02" + SYSTEM + b"0" + magic[2:]
    yield Sample("legacy-magic-after-call", late + b"".join(head[1:]), DANGEROUS, ".pt")
    module_id = b"\x80\x02(X\x06\0\0\0modulecos\nsystem\nNNtQX\x04\0\0\0echo\x85R."
    yield Sample("legacy-module-id", b"".join([*head[:3], module_id, keys]), DANGEROUS, ".pt")
    storage = (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\n"
               b"FloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuM\xff\xfftQK\0)))\x89N")  # fmt: skip
    short = storage + b"tR."
    yield Sample("storage-shorter-than-claimed",
                 torch_zip(short, **{"x/data/0": b"\0" * 4}), SUSPICIOUS, ".pt")  # fmt: skip
    yield Sample("storage-is-a-pickle",
                 torch_zip(CLEAN, **{"x/data/0": _EVIL}), DANGEROUS, ".pt")  # fmt: skip
    yield Sample(
        "torch-version-evil", torch_zip(CLEAN, **{"x/.data/evil.pkl": _EVIL}), DANGEROUS, ".pt"
    )


def _numpy() -> Iterator[Sample]:
    file = io.BytesIO()
    np.save(file, np.array([1, None], dtype=object), allow_pickle=True)
    start = file.getvalue().index(b"\x80")
    evil = file.getvalue()[:start] + _EVIL
    yield Sample("npy-object-evil", evil, DANGEROUS, ".npy")
    yield Sample("npz-object", make_zip({"a.npy": evil}), DANGEROUS, ".npz")
    fields = b"{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }\n"
    header = b"\x93NUMPY\1\0" + struct.pack("<H", len(fields)) + fields
    yield Sample("npy-fields-evil", header + _EVIL, DANGEROUS, ".npy")
    yield Sample("npy-bad-header", b"\x93NUMPY\1\0\4\0zzzz" + _EVIL, DANGEROUS, ".npy")
    import joblib

    file = io.BytesIO()
    joblib.dump({"a": np.eye(3), "b": np.array([None], dtype=object)}, file)
    good = file.getvalue()
    inner = good.rindex(b"\x80\x04") if good.count(b"\x80\x04") > 1 else good.rindex(b"\x80")
    yield Sample("joblib-object-array", good[:inner] + _EVIL, DANGEROUS, ".joblib")
    yield Sample("joblib-after", good + _EVIL, DANGEROUS, ".joblib")
    place = good.index(np.eye(3).tobytes())
    body = SYSTEM + b"."
    yield Sample("joblib-in-array", good[:place] + body + good[place + len(body) :], DANGEROUS)
    yield Sample("npy-dns", header + call("ssl", "get_server_certificate", "x"), DANGEROUS, ".npy")


def _safetensors_file(header: dict, data: bytes) -> bytes:
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def _safetensors() -> Iterator[Sample]:
    tensor = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
    second = {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}
    far = {"dtype": "U8", "shape": [4], "data_offsets": [8, 12]}
    for label, header, size, verdict in (
        ("overlap", {"a": tensor, "b": second}, 6, SUSPICIOUS),
        ("hole", {"a": tensor, "b": far}, 12, SUSPICIOUS),
        ("trailing", {"a": tensor}, 9, SUSPICIOUS),
        ("short", {"a": tensor}, 2, UNREADABLE),
        ("type", {"a": tensor | {"dtype": "F99"}}, 4, UNREADABLE),
        ("shape", {"a": tensor | {"shape": [-1]}}, 4, UNREADABLE),
        ("size", {"a": tensor | {"shape": [5]}}, 4, UNREADABLE),
    ):
        data = _safetensors_file(header, b"\0" * size)
        yield Sample(f"safetensors-{label}", data, verdict, ".safetensors")
    double = b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],'
    double += b'"data_offsets":[0,4]}}'
    yield Sample(
        "safetensors-double", struct.pack("<Q", len(double)) + double + b"\0" * 4, SUSPICIOUS
    )
    yield Sample("safetensors-pickle-behind", _safetensors_file({"a": tensor}, b"\0" * 4 + _EVIL),
                 DANGEROUS)  # fmt: skip
