"""Lists of hashes travel: written on one system, by any program, and read on another."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdops.checkpoint.verify import manifest
from sdops.checkpoint.verify.judge import pairs_of_list


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.windows
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_lists_that_programs_of_windows_wrote_are_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "sub").mkdir()
    lines = []
    for name in ("é.ckpt", "sub/a b.ckpt"):
        (tmp_path / name).write_bytes(name.encode())
        lines.append(f"{digest(name.encode())}  {name}\r\n".replace("/", "\\"))
    sums = tmp_path / "sums.txt"
    sums.write_bytes("".join(lines).encode(encoding))
    assert manifest.is_list(sums)
    assert [pair.path.is_file() for pair in pairs_of_list(sums)] == [True, True]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_names_that_are_not_utf8_are_found(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/mod\xe8le.ckpt"
    with Path(os.fsdecode(name)).open("xb") as file:
        file.write(b"x")
    sums = tmp_path / "sums.txt"
    sums.write_bytes(digest(b"x").encode() + b"  mod\xe8le.ckpt\n")
    assert [pair.path.is_file() for pair in pairs_of_list(sums)] == [True]


@pytest.mark.windows
def test_a_list_names_files_as_every_system_reads_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a b.ckpt").write_bytes(b"x")
    subprocess.run(
        [sys.executable, "-m", "sdops", "hash", tmp_path / "sub", "--write-manifest",
         tmp_path / "sums.txt"],
        check=True, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (tmp_path / "sums.txt").read_bytes() == f"{digest(b'x')}  sub/a b.ckpt\n".encode()


def test_a_model_is_not_a_list(tmp_path: Path) -> None:
    model = tmp_path / "model.ckpt"
    model.write_bytes(b"\x80\x02}q\x00" * 100)
    assert not manifest.is_list(model)
