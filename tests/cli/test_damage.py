"""One damage, one answer: every kind of broken file through every command on model files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sdops.cli.guard import exit_code
from sdops.cli.main import app
from tests import uis

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file

RULE = "broken-model-files"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 6938078334\n"
TENSORS = {"model.diffusion_model.input_blocks.0.0.weight": torch.ones(64, 4, 3, 3)}


def _safetensors() -> bytes:
    from safetensors.torch import save

    return save(TENSORS)


def _changed(data: bytes, place: int, byte: int) -> bytes:
    return data[:place] + bytes([byte]) + data[place + 1 :]


BROKEN: dict[str, tuple[str, Any]] = {
    # name of the file: (a part of the title, its content)
    "pointer.safetensors": ("placeholder", POINTER.encode()),
    "pointer.ckpt": ("placeholder", POINTER.replace("4d", "5e").encode()),
    "page.safetensors": ("web page", b"<!DOCTYPE html><html><title>Log in</title></html>"),
    "page.ckpt": ("web page", b"\n\n<html lang='en'><body>Not found</body></html>"),
    "s3.ckpt": ("web page", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"),
    "s3.pt": ("web page", b"<Error><Code>NoSuchKey</Code></Error>"),
    "api.safetensors": ("web page", b'{"error": "Unauthorized", "message": "log in first"}'),
    "denied.safetensors": ("web page", b"Access denied"),
    "denied.gguf": ("web page", b"Invalid username or password.\n"),
    "empty.safetensors": ("is empty", b""),
    "empty.ckpt": ("is empty", b""),
    "cut.safetensors": ("not complete", _safetensors()[:-1000]),
    "cut-in-header.safetensors": ("not complete", _safetensors()[:40]),
    "header.safetensors": ("damaged", _changed(_safetensors(), 12, 0)),
    "length.safetensors": ("damaged", _changed(_safetensors(), 5, 77)),
    "shape.safetensors": ("damaged", _safetensors().replace(b"[64,4,3,3]", b"[65,4,3,3]")),
    "overwritten.ckpt": ("damaged", bytes(range(1, 32)) * 100),
    "preview.safetensors": ("is a picture", b"\x89PNG\r\n\x1a\n" + bytes(100)),
}
SOUND = {
    "put_models_here": b"",
    "Put Stable Diffusion checkpoints here.txt": b"",
    "notes.txt": b"Access denied",
    "config.json": b'{"error": "no error"}',
    "licence.html": b"<html></html>",
}


def _fill(folder: Path) -> None:
    for name, (_, content) in BROKEN.items():
        (folder / name).write_bytes(content)
    for name, content in SOUND.items():
        (folder / name).write_bytes(content)
    save_file(TENSORS, folder / "good.safetensors")
    torch.save({"state_dict": TENSORS}, folder / "good.ckpt")
    whole = (folder / "good.ckpt").read_bytes()
    (folder / "cut.ckpt").write_bytes(whole[:-2000])
    (folder / "misnamed.safetensors").write_bytes(whole)
    (folder / "misnamed.ckpt").write_bytes(_safetensors())
    with zipfile.ZipFile(folder / "packed.safetensors", "w") as archive:
        archive.writestr("model.txt", "unpack me")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = uis.a1111(tmp_path_factory.mktemp("ui") / "webui") / "models" / "Stable-diffusion"
    _fill(folder)
    return folder


@cache
def _findings(command: str, folder: Path) -> dict[str, dict[str, Any]]:
    """What `command` says about each file of the folder, by the file's name."""
    arguments: tuple[object, ...] = {
        "doctor": (folder.parents[1], "--only", RULE),
        "convert": (folder, "--out", folder.parents[1] / "made-by-convert"),
        "prune": (folder, "--out", folder.parents[1] / "made-by-prune"),
    }.get(command, (folder,))
    extra = ("--no-cache",) if command in ("scan", "hash") else ()
    done = subprocess.run(
        [sys.executable, "-m", "sdops", command, *map(str, arguments), *extra, "--json"],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    document = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode == 1
    return {
        Path(item["location"]["path"]).name: item
        for item in document["findings"]
        if item["id"] == RULE
    }


def _answer(finding: dict[str, Any]) -> dict[str, Any]:
    return {key: finding[key] for key in ("id", "severity", "title", "why", "remedies")}


COMMANDS = ("scan", "info", "verify", "hash", "convert", "prune", "doctor")
WARNED = {"misnamed.safetensors", "misnamed.ckpt"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_gives_the_doctors_answer(models: Path, command: str) -> None:
    wanted, found = _findings("doctor", models), _findings(command, models)
    expected = {*BROKEN, *WARNED, "cut.ckpt", "packed.safetensors"}
    assert set(wanted) == expected
    twins = {"convert", "prune"} & {command}
    if not twins:
        assert set(found) == expected
    assert set(found) <= expected
    for name, finding in found.items():
        assert _answer(finding) == _answer(wanted[name])
        title = BROKEN.get(name, ("",))[0]
        assert title in finding["title"]
        assert finding["severity"] == ("warning" if name in WARNED else "error")
        assert finding["remedies"]


def _answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code = exit_code(lambda: app(args=[*arguments, "--json"], prog_name="sdops"), debug=True)
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == code == 1
    return document


@pytest.mark.parametrize("command", ["convert", "prune", "smoke"])
@pytest.mark.parametrize("name", [*BROKEN, "cut.ckpt"])
def test_one_broken_file_is_answered_alike(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    destination = () if command == "smoke" else (str(tmp_path / "new.safetensors"),)
    document = _answered(capsys, command, str(models / name), *destination)
    (finding,) = document["findings"]
    assert _answer(finding) == _answer(_findings("doctor", models)[name])
    assert not any(tmp_path.iterdir())


def test_a_misnamed_file_is_converted_with_a_warning(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "new.safetensors"
    arguments = ["convert", str(models / "misnamed.safetensors"), str(made), "--json"]
    assert exit_code(lambda: app(args=arguments, prog_name="sdops"), debug=True) == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["id"], finding["severity"]) == (RULE, "warning")
    assert made.stat().st_size > 9000


def test_the_size_in_a_list_says_how_much_is_missing(tmp_path: Path) -> None:
    whole = _safetensors()
    (tmp_path / "m.safetensors").write_bytes(whole[:-300])
    (tmp_path / "pointer").write_text(POINTER.replace("6938078334", str(len(whole))))
    done = subprocess.run(
        [sys.executable, "-m", "sdops", "verify", str(tmp_path / "m.safetensors"), "--json",
         "--against", str(tmp_path / "pointer")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["id"] == RULE
    assert f"of the {len(whole)} that it should have; 300 bytes are missing" in finding["why"]
