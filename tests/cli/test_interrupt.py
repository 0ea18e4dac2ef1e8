"""Ctrl-C and SIGTERM: what was found so far is given, nothing half-written stays, no traceback."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from sdops.cli import progress
from sdops.report.schema import schema

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
LARGE_BYTES = 200 << 30


def _start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sdops", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def _wait_until(process: subprocess.Popen[str], reads: Path) -> None:
    """Until the process, or one of its children, has the file open for a moment."""
    wanted, end = str(reads.resolve()), time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        if wanted in map(os.path.realpath, Path(f"/proc/{process.pid}/fd").glob("*")):
            time.sleep(0.3)
            return
        time.sleep(0.02)
    raise AssertionError(f"{reads} was never opened")


def _ended(process: subprocess.Popen[str], signal_number: int) -> tuple[str, str]:
    os.killpg(process.pid, signal_number)
    output, talk = process.communicate(timeout=60)
    assert "Traceback" not in talk
    return output, talk


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"\x00\x01" * 5000)
    with (folder / "b.bin").open("wb") as file:
        file.truncate(LARGE_BYTES)
    return folder


@pytest.mark.parametrize("command", ["hash", "verify"])
def test_what_was_done_is_reported(models: Path, command: str) -> None:
    process = _start(command, models, "--json", *(["--no-cache"] if command == "hash" else []))
    _wait_until(process, models / "b.bin")
    output, _ = _ended(process, signal.SIGINT)
    document = json.loads(output)
    jsonschema.validate(document, schema())
    assert (process.returncode, document["exit_code"], document["verdict"]) == (
        130, 130, "incomplete")  # fmt: skip
    assert [Path(file["path"]).name for file in document["data"]["files"]] == ["a.bin"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_scan_gives_what_it_found(tmp_path: Path, jobs: int) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    (tmp_path / "one.pt").write_bytes(pickle.dumps([str(number) for number in range(30_000)]))
    for number in range(3000):
        (folder / f"{number}.pt").symlink_to(tmp_path / "one.pt")
    process = _start("scan", folder, "--json", "--no-cache", "--jobs", jobs)
    time.sleep(4)
    output, _ = _ended(process, signal.SIGINT)
    document = json.loads(output)
    assert (process.returncode, document["verdict"]) == (130, "incomplete")
    assert 0 < len(document["data"]["files"]) < 3000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_partial_file_stays(tmp_path: Path, number: signal.Signals) -> None:
    source = tmp_path / "m.safetensors"
    entry = {"dtype": "F32", "shape": [1 << 31], "data_offsets": [0, 4 << 31]}
    header = json.dumps({"w": entry}).encode()
    source.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(source, 8 + len(header) + (4 << 31))
    process = _start("convert", source, tmp_path / "n.safetensors", "--dtype", "fp16")
    end = time.monotonic() + 60
    while not list(tmp_path.glob(".*.sdops-partial")) and time.monotonic() < end:
        assert process.poll() is None
        time.sleep(0.01)
    _ended(process, number)
    assert process.returncode == (130 if number is signal.SIGINT else 143)
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_log_hears_of_long_work_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for quiet, lines in ((False, ["Hashing: 25% (1.00 MB of 4.00 MB)"]), (True, [])):
        monkeypatch.setattr(progress, "FIRST_LINE_S", 0.0)
        with progress.byte_progress("Hashing", 4_000_000, quiet=quiet) as advance:
            for _ in range(4):
                advance(1_000_000)
        assert capsys.readouterr().err.splitlines() == lines
    monkeypatch.undo()
    with progress.byte_progress("Hashing", 4_000_000, quiet=False) as advance:
        advance(4_000_000)
    assert capsys.readouterr().err == ""
