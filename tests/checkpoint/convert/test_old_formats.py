"""What torch no longer writes still converts, from a source that stays as it is."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sdops.checkpoint.open import open_checkpoint
from tests.checkpoint.convert.program import convert
from tests.checkpoint.convert.test_sources import large

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")
old_formats = pytest.importorskip("tests.checkpoint.convert.old_formats")


def converted(path: Path) -> dict[str, Any]:
    code, _, stderr = convert(path, path.with_suffix(".safetensors"))
    assert code == 0, stderr
    found: dict[str, Any] = safetensors_torch.load_file(path.with_suffix(".safetensors"))
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[k].equal(other[k]) for k in one)


def test_legacy_views(tmp_path: Path) -> None:
    wanted = old_formats.legacy_with_view(tmp_path / "m.pt", torch.randn(20))
    assert same(torch.load(tmp_path / "m.pt", weights_only=True), wanted), "torch reads it so"
    assert same(converted(tmp_path / "m.pt"), wanted)


def test_the_tar_of_torch_0_1(tmp_path: Path) -> None:
    wanted = old_formats.old_tar(tmp_path / "m.pt", torch.randn(20))
    assert same(torch.load(tmp_path / "m.pt", weights_only=False), wanted), "torch reads it so"
    assert same(converted(tmp_path / "m.pt"), wanted)


def test_a_tar_with_impossible_sizes_is_refused(tmp_path: Path) -> None:
    old_formats.old_tar(tmp_path / "m.pt", torch.randn(20), (-3, 2))
    code, _, stderr = convert(tmp_path / "m.pt")
    assert (code, "The member tensors is damaged" in stderr) == (1, True)


def test_big_endian(tmp_path: Path) -> None:
    state = {
        "f32": torch.randn(7, 3),
        "f16": torch.randn(5).half(),
        "f64": torch.randn(4).double(),
        "i64": torch.arange(9),
        "u8": torch.arange(9, dtype=torch.uint8),
    }
    old_formats.big_endian_zip(tmp_path / "m.pt", state)
    assert same(torch.load(tmp_path / "m.pt", weights_only=True), state), "torch reads it so"
    assert same(converted(tmp_path / "m.pt"), state)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "int64", "int32",
                                   "int16", "int8", "uint8", "bool", "complex64"])  # fmt: skip
def test_every_legacy_storage_type(tmp_path: Path, dtype: str) -> None:
    state = {"a": (torch.randn(6, 4) * 3).to(getattr(torch, dtype))}
    torch.save(state, tmp_path / "m.pt", _use_new_zipfile_serialization=False)
    assert same(converted(tmp_path / "m.pt"), state)


@pytest.mark.parametrize("change", ["shrink", "touch", "replace", "remove"])
def test_a_source_that_changes_meanwhile_gives_nothing(tmp_path: Path, change: str) -> None:
    source, result = large(tmp_path / "m.safetensors"), tmp_path / "n.safetensors"
    if change == "replace":
        large(tmp_path / "other")
    process = subprocess.Popen(
        [sys.executable, "-m", "sdops", "convert", str(source), str(result), "--dtype", "fp16"],
        stderr=subprocess.PIPE,
        text=True,
    )

    def disturb() -> None:
        while process.poll() is None and not list(tmp_path.glob(".*.sdops-partial")):
            pass
        if change == "shrink":
            os.truncate(source, 1_000_000)
        elif change == "replace":
            (tmp_path / "other").replace(source)
        elif change == "remove":
            source.unlink()
        else:
            os.utime(source, ns=(0, 1))

    thread = threading.Thread(target=disturb)
    thread.start()
    _, stderr = process.communicate(timeout=600)
    thread.join()
    assert process.returncode == 2
    said = ("changed while it was read", "became shorter", "m.safetensors cannot be read")
    assert any(words in stderr for words in said)
    left = [] if change == "remove" else ["m.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == left


@pytest.mark.skipif(os.name != "posix", reason="ulimit")
@pytest.mark.parametrize("precision", ["keep", "fp16"])
def test_it_works_in_little_address_space(tmp_path: Path, precision: str) -> None:
    source = tmp_path / "m.pt"
    torch.save({f"w{n}": torch.randn(1000, 5000) for n in range(37)}, source)
    assert source.stat().st_size > 700_000 * 1024, "larger than the address space"
    command = f"ulimit -v 700000 && '{sys.executable}' -m sdops convert '{source}'"
    command += f" --dtype {precision}"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_index_is_all_that_opening_reads(tmp_path: Path) -> None:
    source = tmp_path / "m.pt"
    torch.save({"a": torch.randn(3000, 1000)}, source)
    data = bytearray(source.read_bytes())
    checkpoint = open_checkpoint(source)
    offset = checkpoint.tensors[0].storage.offset
    assert offset is not None
    data[offset : offset + 12_000_000] = bytes(12_000_000)
    source.write_bytes(data)
    assert open_checkpoint(source).tensors == checkpoint.tensors
