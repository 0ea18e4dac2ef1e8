"""What Windows does otherwise with files: names, encodings, marks, programs that hold them open."""

from __future__ import annotations

import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.checkpoint import fabricate

pytestmark = pytest.mark.windows
on_windows = pytest.mark.skipif(sys.platform != "win32", reason="only Windows refuses it")


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo",)


def sdops(*argv: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "sdops", *map(str, argv)],
        input=given, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def answer(*argv: object, given: bytes = b"") -> dict[str, Any]:
    done = sdops(*argv, "--json", given=given)
    assert b"\r" not in done.stdout
    document: dict[str, Any] = json.loads(done.stdout.decode("utf-8"))
    return document


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    path = folder / "it's [x] & 100% é.ckpt"
    path.write_bytes(pickle.dumps(Hostile(), 2))
    return path


def test_standard_input_is_scanned(hostile: Path) -> None:
    found = answer("scan", "-", given=hostile.read_bytes())
    assert found["data"]["files"][0]["verdict"] == "dangerous"


def test_answers_in_a_pipe_are_utf8(hostile: Path) -> None:
    for name in ("rich", "markdown", "sarif", "junit", "github"):
        done = sdops("scan", hostile, "--format", name)
        assert done.returncode == 1
        assert b"\r" not in done.stdout
        assert "é" in done.stdout.decode("utf-8") or "%C3%A9" in done.stdout.decode("utf-8")
    assert answer("scan", hostile)["data"]["files"][0]["path"].endswith("é.ckpt")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "mbcs"])
def test_lists_of_names_are_read_in_every_encoding(
    hostile: Path, tmp_path: Path, encoding: str
) -> None:
    if encoding == "mbcs" and sys.platform != "win32":
        pytest.skip("there is no ANSI code page here")
    names = tmp_path / "names.txt"
    names.write_bytes(f"{hostile}\r\n".encode(encoding))
    found = answer("scan", "--from-file", names)
    assert [file["verdict"] for file in found["data"]["files"]] == ["dangerous"]


def test_a_read_only_file_goes_into_quarantine(hostile: Path, tmp_path: Path) -> None:
    hostile.chmod(stat.S_IREAD)
    assert sdops("scan", hostile.parent, "--quarantine", tmp_path / "q").returncode == 1
    assert not hostile.exists()
    assert [path.name for path in (tmp_path / "q").iterdir()] == [hostile.name]


@on_windows
def test_a_held_file_stays_and_leaves_no_copy(hostile: Path, tmp_path: Path) -> None:
    with hostile.open("rb"):
        for _ in range(2):
            done = sdops("scan", hostile.parent, "--quarantine", tmp_path / "q")
            assert done.returncode == 1
            assert b"another program has it open" in done.stdout + done.stderr
    assert hostile.exists()
    assert list((tmp_path / "q").iterdir()) == []


def test_a_read_only_file_is_replaced_and_given_up_where_that_is_asked_for(tmp_path: Path) -> None:
    source = fabricate.safetensors(tmp_path / "a b.safetensors", fabricate.lora(768))
    result = tmp_path / "r.safetensors"
    result.write_bytes(b"old")
    for path in (source, result):
        path.chmod(stat.S_IREAD)
    done = sdops("convert", source, result, "--dtype", "bf16", "--overwrite", "--delete-source")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not source.exists()
    assert result.stat().st_size > 100
    assert [path.name for path in tmp_path.iterdir()] == [result.name]


@on_windows
def test_a_held_result_is_named_and_nothing_half_is_left(tmp_path: Path) -> None:
    source = fabricate.safetensors(tmp_path / "m.safetensors", fabricate.lora(768))
    result = tmp_path / "r.safetensors"
    result.write_bytes(b"old")
    with result.open("rb"):
        done = sdops("convert", source, result, "--dtype", "bf16", "--overwrite")
    assert done.returncode == 2
    assert b"another program has it open" in done.stdout + done.stderr
    assert b"fault in sdops" not in done.stderr
    assert result.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, result.name]


@pytest.mark.parametrize("command", ["scan", "hash", "info", "verify"])
def test_a_path_beyond_260_characters_is_read(tmp_path: Path, command: str) -> None:
    prefix = "\\\\?\\" if sys.platform == "win32" else ""
    folder = Path(f"{prefix}{tmp_path}", *["d" * 60] * 5)
    folder.mkdir(parents=True)
    fabricate.safetensors(folder / "m.safetensors", fabricate.lora(768))
    fabricate.safetensors(tmp_path / "short.safetensors", fabricate.lora(768))
    found = answer(command, tmp_path)
    assert len(found["data"]["files"]) == 2
    assert found["faults"] == []


def test_convert_and_back_keep_the_weights(tmp_path: Path) -> None:
    source = fabricate.safetensors(tmp_path / "m é.safetensors", fabricate.lora(768))
    assert sdops("convert", source, tmp_path / "sub.ckpt", "--to", "ckpt").returncode == 0
    assert sdops("convert", tmp_path / "sub.ckpt", tmp_path / "back.safetensors").returncode == 0
    weights = [load_file(path) for path in (source, tmp_path / "back.safetensors")]
    assert weights[0].keys() == weights[1].keys()
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
    assert answer("scan", tmp_path)["exit_code"] == 0
