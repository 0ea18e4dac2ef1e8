# ruff: noqa: E501
"""Each format is told by its content, and damage is told in numbers."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
from pathlib import Path

import pytest

from sdops.checkpoint import open_checkpoint, sniff
from sdops.errors import UnreadableInputError
from tests.checkpoint.corpus.sample import make_zip


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]], **metadata: str) -> bytes:
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


WHOLE = safetensors({"a": ("F16", [2, 3], bytes(12)), "b": ("I64", [], bytes(8))}, k="v")
GGUF = (b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 4) + b"name" + struct.pack("<IQ", 8, 2)
        + b"sd" + struct.pack("<Q", 1) + b"w" + struct.pack("<IQIQ", 1, 4, 0, 0))  # fmt: skip
GGUF += bytes(-len(GGUF) % 32) + bytes(16)


@pytest.mark.parametrize(
    ("data", "container"),
    [
        (b"", "empty"),
        (WHOLE, "safetensors"),
        (WHOLE[:-1], "truncated"),
        (make_zip({"x/data.pkl": b"N."}), "torch-zip"),
        (make_zip({"x/data.pkl": b"N.", "x/constants.pkl": b"N."}), "torchscript"),
        (make_zip({"a.npy": b""}), "npz"),
        (make_zip({"a.txt": b""}), "zip"),
        (make_zip({"x/data.pkl": b"N." * 50})[:90], "truncated"),
        (pickle.dumps([1], 0), "pickle"),
        (pickle.dumps([1], 5), "pickle"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "truncated"),
        (b"\x93NUMPY\1\0", "npy"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (GGUF, "gguf"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4265380512\n",
            "lfs-pointer",
        ),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "html"),
        (b'{"error": "not found"}', "json"),
        (b"just words\n", "text"),
        (b"\x89PNG\r\n\x1a\n\0\0", "image"),
        (b"\x00\x01\x02\x03" * 200, "unknown"),
    ],
)
def test_content_decides(tmp_path: Path, data: bytes, container: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    assert sniff(path).container == container


def test_a_cut_file_says_how_much_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(WHOLE[:-5])
    assert sniff(path).missing_bytes == 5
    path.write_bytes(WHOLE[:20])
    assert sniff(path).missing_bytes > 0


def test_a_cut_torch_archive_says_how_much_it_lacks(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "model.ckpt"
    torch.save({"a": torch.zeros(1000, 1000)}, path)
    path.write_bytes(path.read_bytes()[:1_000_000])
    assert 3_000_000 <= sniff(path).missing_bytes < 3_001_000
    path.write_bytes(path.read_bytes()[:100])
    assert sniff(path).missing_bytes is None


def test_a_pointer_says_how_large_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4265380512\n")
    assert sniff(path).expected_bytes == 4265380512


def test_safetensors_index_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(WHOLE)
    checkpoint = open_checkpoint(path)
    assert checkpoint.metadata == {"k": "v"}
    first, second = checkpoint.tensors
    assert (first.name, first.dtype, first.shape, first.stride) == ("a", "float16", (2, 3), (3, 1))
    assert (second.dtype, second.shape, second.elements) == ("int64", (), 1)
    assert first.storage.offset + first.storage.size_bytes == second.storage.offset
    assert checkpoint.problems == ()


def test_gguf_header(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(GGUF)
    checkpoint = open_checkpoint(path)
    assert checkpoint.metadata == {"name": "sd"}
    (tensor,) = checkpoint.tensors
    assert (tensor.name, tensor.dtype, tensor.shape) == ("w", "float32", (4,))
    assert tensor.storage.offset + tensor.storage.size_bytes == len(GGUF)
    path.write_bytes(GGUF[:-4])
    assert open_checkpoint(path).problems[0].id == "truncated"


def test_shards_are_read_through_their_index(tmp_path: Path) -> None:
    (tmp_path / "m-1.safetensors").write_bytes(safetensors({"a": ("U8", [2], b"ab")}))
    (tmp_path / "m-2.safetensors").write_bytes(safetensors({"b": ("U8", [1], b"c")}))
    index = tmp_path / "m.safetensors.index.json"
    names = {"a": "m-1.safetensors", "b": "m-2.safetensors"}
    index.write_text(json.dumps({"weight_map": names}))
    checkpoint = open_checkpoint(index)
    assert {tensor.name: Path(tensor.storage.path).name for tensor in checkpoint.tensors} == names
    assert checkpoint.shards == ("m-1.safetensors", "m-2.safetensors")
    index.write_text(json.dumps({"weight_map": {**names, "c": "m-2.safetensors"}}))
    assert open_checkpoint(index).problems[0].id == "shard-incomplete"
    index.write_text(json.dumps({"weight_map": {"a": "../m-1.safetensors"}}))
    with pytest.raises(UnreadableInputError, match="outside"):
        open_checkpoint(index)


def test_links_are_followed_and_pipes_are_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(WHOLE)
    (tmp_path / "model.safetensors").symlink_to("blob")
    assert sniff(tmp_path / "model.safetensors").container == "safetensors"
    os.mkfifo(tmp_path / "pipe.ckpt")
    with pytest.raises(UnreadableInputError, match="regular file"):
        sniff(tmp_path / "pipe.ckpt")


def _old_tar() -> bytes:
    """A checkpoint as torch 0.1.1 wrote it: one storage, one tensor of it, and the pickle."""
    storage = pickle.dumps(1, 2) + b"\x80\x02(K\x07X\x03\0\0\0cpuctorch\nFloatStorage\nt."
    storage += struct.pack("<q6f", 6, *range(6)) + pickle.dumps([], 2)
    tensor = pickle.dumps(1, 2) + b"\x80\x02(K\x09K\x07ctorch\nFloatTensor\nt."
    tensor += struct.pack("<i4x2q2qq", 2, 2, 3, 3, 1, 0)
    body = b"\x80\x02ccollections\nOrderedDict\n)RX\x01\0\0\0wX\x01\0\0\x009Qs."
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in (("storages", storage), ("tensors", tensor), ("pickle", body)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def test_the_tar_format_of_old_torch(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    path.write_bytes(_old_tar())
    checkpoint = open_checkpoint(path)
    assert checkpoint.container.value == "torch-tar"
    (tensor,) = checkpoint.tensors
    assert (tensor.name, tensor.shape, tensor.stride) == ("w", (2, 3), (3, 1))
    raw = path.read_bytes()[tensor.storage.offset :][: tensor.storage.size_bytes]
    assert struct.unpack("<6f", raw) == tuple(range(6))
