"""Hashes agree with independent implementations, on files around every boundary."""

import hashlib
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.checkpoint.files.cache import ResultCache
from sdops.checkpoint.hash import hashes as hashes_module
from sdops.checkpoint.hash.hashes import CHUNK_BYTES, LEGACY_OFFSET, Extras, hash_file
from sdops.errors import UnreadableInputError


def safetensors(data: bytes, metadata: str = "m") -> bytes:
    header = json.dumps(
        {
            "__metadata__": {"name": metadata},
            "x": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]},
        }
    ).encode()
    return len(header).to_bytes(8, "little") + header + data


@settings(deadline=None, max_examples=25)
@given(
    size=st.sampled_from(
        [0, 1, LEGACY_OFFSET - 1, LEGACY_OFFSET, LEGACY_OFFSET + 5, LEGACY_OFFSET + 0x10000,
         CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1]
    ),
    seed=st.binary(min_size=1, max_size=8),
)  # fmt: skip
def test_whole_file_hashes(
    tmp_path_factory: pytest.TempPathFactory, size: int, seed: bytes
) -> None:
    data = (seed * (size // len(seed) + 1))[:size]
    file = tmp_path_factory.mktemp("hash") / "model.ckpt"
    file.write_bytes(data)
    found = hash_file(file, Extras(crc32=True))
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.autov2 == found.a1111_short == found.sha256[:10]
    legacy = data[LEGACY_OFFSET : LEGACY_OFFSET + 0x10000]
    assert found.a1111_legacy == hashlib.sha256(legacy).hexdigest()[:8]
    assert found.crc32 == f"{zlib.crc32(data):08x}"
    assert found.size_bytes == size


@pytest.mark.parametrize("size", [1, 100, CHUNK_BYTES - 50, CHUNK_BYTES + 7])
def test_tensor_hash_survives_a_metadata_edit(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    one.write_bytes(safetensors(data))
    two.write_bytes(safetensors(data, "an edited name"))
    first, second = hash_file(one), hash_file(two)
    assert first.sha256 != second.sha256
    assert first.tensors_sha256 == second.tensors_sha256 == hashlib.sha256(data).hexdigest()
    assert first.autov3 == hashlib.sha256(data).hexdigest()[:12]


def test_no_tensor_hash_for_what_only_looks_like_safetensors(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes((2**40).to_bytes(8, "little") + b"{}")
    assert hash_file(file).autov3 is None


def test_blake3_agrees_with_its_own_package(tmp_path: Path) -> None:
    blake3 = pytest.importorskip("blake3")
    file = tmp_path / "x"
    file.write_bytes(b"weights" * 999)
    wanted = blake3.blake3(b"weights" * 999).hexdigest()
    assert hash_file(file, Extras(blake3=True)).blake3 == wanted


def test_any_of_a_files_names_matches(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(safetensors(b"weights" * 200_000))  # the legacy hash begins at 1 MiB
    found = hash_file(file)
    for name in (found.sha256.upper(), found.autov2, found.a1111_legacy, str(found.autov3)):
        assert found.matches(name)
    assert not found.matches("0" * 64)


def test_the_cache_is_used_only_while_the_file_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "model.ckpt"
    file.write_bytes(b"one")
    os.utime(file, (1, 1))  # long before: some systems count time in hundredths of a second
    with ResultCache("hash", "1", tmp_path / "cache") as cache:
        first = hash_file(file, cache=cache)
        assert hash_file(file, cache=cache) == first
        file.write_bytes(b"two")
        assert hash_file(file, cache=cache).sha256 == hashlib.sha256(b"two").hexdigest()
        assert hash_file(file, Extras(crc32=True), cache).crc32 == f"{zlib.crc32(b'two'):08x}"


def test_a_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes_module, "CHUNK_BYTES", 1024)
    file = tmp_path / "download.part"
    file.write_bytes(bytes(4096))

    def grow(_count: int) -> None:
        if file.stat().st_size < 8192:
            with file.open("ab") as more:
                more.write(bytes(1024))

    with pytest.raises(UnreadableInputError, match="changed while it was read"):
        hash_file(file, advance=grow)


@pytest.mark.parametrize("name", ["missing", "folder"])
def test_what_is_no_file_is_a_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnreadableInputError):
        hash_file(tmp_path / name)


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "sdops", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.smoke
def test_the_command_hashes_folders_and_writes_a_list_that_sha256sum_reads(tmp_path: Path) -> None:
    models = tmp_path / "my models"
    (models / "deep").mkdir(parents=True)
    (models / "a.ckpt").write_bytes(b"a")
    (models / "deep" / "b\nnewline.ckpt").write_bytes(b"b")
    sums = tmp_path / "sums.txt"
    result = run("hash", str(models), "--json", "--write-manifest", str(sums), "--no-cache")
    assert result.returncode == 0, result.stderr
    files = json.loads(result.stdout)["data"]["files"]
    assert [file["sha256"] for file in files] == [
        hashlib.sha256(data).hexdigest() for data in (b"a", b"b")
    ]
    if os.path.exists("/usr/bin/sha256sum"):  # noqa: PTH110
        subprocess.run(["/usr/bin/sha256sum", "-c", "--quiet", sums], cwd=tmp_path, check=True)
    again = run("hash", str(models), "--write-manifest", str(sums))
    assert again.returncode == 2
    assert "exists already" in again.stderr


@pytest.mark.smoke
def test_a_missing_file_is_two_and_the_others_are_still_hashed(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"a")
    result = run("hash", str(tmp_path / "a.ckpt"), str(tmp_path / "gone"), "--json", "--no-cache")
    report = json.loads(result.stdout)
    assert (result.returncode, report["verdict"]) == (2, "incomplete")
    assert len(report["data"]["files"]) == 1
    assert "gone does not exist" in report["faults"][0]
