"""Odd names, odd places and bad moments: one clear line, the source intact, nothing left over."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sdops.checkpoint.convert.disposal import Delete
from sdops.checkpoint.open import open_checkpoint
from sdops.checkpoint.weights import Weights
from sdops.errors import SdopsError, UnreadableInputError
from tests.checkpoint.convert.program import convert
from tests.checkpoint.convert.test_sources import large, raw_safetensors, save, shards

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

if os.name != "posix":
    pytest.skip("names and places of POSIX", allow_module_level=True)

NAMES = ["new\nline", "-dash", "escape \x1b[31m", "x" * 243, " ", "..."]
if sys.platform == "linux":
    NAMES.append("not \udcff\udcfe text")


def in_folder(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of sdops, run in `folder`."""
    command = [sys.executable, "-m", "sdops", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109
    result = subprocess.run(
        command, capture_output=True, check=False, cwd=folder, env=environment, timeout=600
    )
    return result.returncode, result.stderr.decode(errors="backslashreplace")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    source, target = f"{name}.ckpt", f"{name}.safetensors"
    save(tmp_path / "m.pt", a=torch.ones(3)).rename(tmp_path / source)
    if len(name) < 200:  # what a killed run left
        (tmp_path / f".{target}.999999999.sdops-partial").touch()
    for word, result in (("safetensors", target), ("ckpt", "back.ckpt")):
        code, stderr = in_folder(tmp_path, "convert", "--to", word, "--", source, result)
        assert (code, stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {source, target, "back.ckpt"}
    loaded = safetensors_torch.load((tmp_path / target).read_bytes())
    assert loaded["a"].equal(torch.ones(3))


def test_a_name_too_long_for_its_new_suffix_is_told_and_stops_no_other(tmp_path: Path) -> None:
    models = tmp_path / "models"
    save(models / f"{'x' * 250}.ckpt", a=torch.ones(3))
    save(models / "m.ckpt", a=torch.ones(3))
    for _ in range(2):
        code, data, stderr = convert(models, "--out", tmp_path / "out")
        assert (code, len(data["files"])) == (2, 1)
        assert "File name too long" in stderr
    code, stderr = in_folder(models, "convert", "x" * 250 + ".ckpt")
    assert (code, stderr.count("\n"), "too long" in stderr) == (2, 1, True)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    entry = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
    source = raw_safetensors(tmp_path / "m.safetensors", {"bad \ud800 name": entry}, b"x")
    code, _, stderr = convert(source, tmp_path / "n.safetensors")
    assert (code, "no valid text" in stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_links_in_circles_are_told(tmp_path: Path) -> None:
    save(tmp_path / "models" / "m.ckpt", a=torch.ones(3))
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for arguments in (["models", "--out", "a"], ["models/m.ckpt", "a"], ["a", "n.safetensors"]):
        code, stderr = in_folder(tmp_path, "convert", *arguments, "--quiet")
        assert code == 2
        assert "fault in sdops" not in stderr


@pytest.mark.parametrize("source", ["pipe", "/dev/zero", "/dev/stdin", "folder", "/proc/self/maps"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, source: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    code, stderr = in_folder(tmp_path, "convert", source, "n.safetensors")
    assert (code, stderr.count("\n"), "fault in sdops" in stderr) == (2, 1, False)
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "folder"}


def without_rights(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs sdops as someone for whom permissions count, which they do not for root."""
    bounded = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv: root may read everything")
    program = [*(bounded if os.geteuid() == 0 else []), sys.executable, "-m", "sdops"]
    return subprocess.run(
        [*program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", ["convert", "prune", "hash", "info", "verify", "scan"])
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, command: str) -> None:
    save(tmp_path / "secret.ckpt", a=torch.ones(3)).chmod(0)
    result = without_rights(command, tmp_path / "secret.ckpt")
    assert result.returncode == 2
    assert "Permission denied" in result.stdout + result.stderr
    assert "Usage:" not in result.stderr


def test_a_folder_that_may_not_be_entered_is_told(tmp_path: Path) -> None:
    model = save(tmp_path / "m.ckpt", a=torch.ones(3))
    secret = tmp_path / "secret"
    save(secret / "m.ckpt", a=torch.ones(3))
    secret.chmod(0)
    attempts = [[secret / "m.ckpt"], [model, secret / "n.safetensors"]]
    attempts += [[model, "--out", secret / "new"], [secret, "--out", tmp_path]]
    try:
        for arguments in attempts:
            result = without_rights("convert", *arguments)
            assert result.returncode == 2
            assert "Permission denied" in result.stdout + result.stderr
            assert "fault in sdops" not in result.stderr
    finally:
        secret.chmod(0o700)


@pytest.mark.parametrize("option", ["--delete-source", "--trash"])
def test_a_link_is_not_given_up_for_the_file(tmp_path: Path, option: str) -> None:
    source = save(tmp_path / "blob", a=torch.ones(3))
    (tmp_path / "m.ckpt").symlink_to(source)
    code, _, stderr = convert(tmp_path / "m.ckpt", option)
    assert (code, "only a link" in stderr) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"blob", "m.ckpt"}


def test_a_file_that_took_the_place_of_the_source_is_not_deleted(tmp_path: Path) -> None:
    source = save(tmp_path / "m.ckpt", a=torch.ones(3))
    checkpoint = open_checkpoint(source)
    save(tmp_path / "other", a=torch.ones(4)).replace(source)
    with pytest.raises(SdopsError, match="it was kept"):
        Delete().dispose(checkpoint)
    with pytest.raises(UnreadableInputError, match="changed"):
        Weights(checkpoint)
    Delete().dispose(open_checkpoint(source))
    assert not source.exists()


def test_a_shard_that_took_the_place_of_another_is_not_read(tmp_path: Path) -> None:
    index = shards(tmp_path, a=torch.ones(2), b=torch.zeros(3))
    checkpoint = open_checkpoint(index)
    safetensors_torch.save_file({"b": torch.zeros(3)}, tmp_path / "other")
    (tmp_path / "other").replace(tmp_path / "model-1.safetensors")
    with Weights(checkpoint) as weights:
        read = {tensor.name: tensor for tensor in checkpoint.tensors}
        assert list(weights.blocks(read["a"]))
        with pytest.raises(UnreadableInputError, match=r"model-1\.safetensors changed"):
            list(weights.blocks(read["b"]))


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_a_file_that_may_not_grow_is_told(tmp_path: Path, suffix: str) -> None:
    source = save(tmp_path / "m.pt", a=torch.randn(1000, 300))
    command = (
        f"ulimit -f 500 && '{sys.executable}' -m sdops convert '{source}' '{tmp_path}/n{suffix}'"
    )
    result = subprocess.run(
        ["sh", "-c", f"{command} --to {suffix[1:]}"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "File too large" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["m.pt"]


@pytest.mark.parametrize("how", ["removed", "a file", "another"])
def test_a_folder_for_results_that_goes_away_is_told(tmp_path: Path, how: str) -> None:
    source, out = large(tmp_path / "model.safetensors"), tmp_path / "out"
    out.mkdir()
    before = source.stat()
    process = subprocess.Popen(
        [sys.executable, "-m", "sdops", "convert", source, out / "m.safetensors",
         "--dtype", "fp16"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def disturb() -> None:
        while process.poll() is None and not list(out.glob(".*.sdops-partial")):
            pass
        out.rename(tmp_path / "away")
        if how == "removed":
            shutil.rmtree(tmp_path / "away")
        elif how == "another":
            out.mkdir()
        else:
            out.write_bytes(b"mine")

    thread = threading.Thread(target=disturb)
    thread.start()
    _, stderr = process.communicate(timeout=600)
    thread.join()
    assert (process.returncode, stderr.count("\n")) == (2, 1)
    assert "could not be made into" in stderr
    after = source.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    assert not list(tmp_path.rglob("m.safetensors"))


@pytest.fixture
def places(tmp_path: Path) -> Any:
    """A read-only disk with a model, and a folder that is seen at a second place."""
    mounts = [["-t", "tmpfs", "-o", "size=4m", "tmpfs", "disk"], ["--bind", "models", "again"]]
    for name in ("disk", "models", "again"):
        (tmp_path / name).mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs the right to mount")
    done = [subprocess.run(["mount", *arguments], check=False, cwd=tmp_path).returncode == 0
            for arguments in mounts]  # fmt: skip
    try:
        if not all(done):
            pytest.skip("needs the right to mount")
        save(tmp_path / "disk" / "m.ckpt", a=torch.ones(3))
        save(tmp_path / "models" / "m.ckpt", a=torch.ones(3))
        subprocess.run(["mount", "-o", "remount,ro", "disk"], check=True, cwd=tmp_path)
        yield tmp_path
    finally:
        for name, mounted in zip(("disk", "again"), done, strict=True):
            if mounted:
                subprocess.run(["umount", name], check=True, cwd=tmp_path)


def test_a_disk_that_is_only_read_is_told(places: Path) -> None:
    disk, result = places / "disk", places / "n.safetensors"
    model = disk / "m.ckpt"
    for arguments in ([model], [disk, "--out", disk / "new"], [disk, "--out", disk]):
        code, _, stderr = convert(*arguments)
        assert (code, "Read-only file system" in stderr) == (2, True)
    code, _, stderr = convert(model, result, "--delete-source")
    assert (code, "result is whole" in stderr) == (2, True)
    assert result.exists()
    assert model.exists()


def test_the_source_at_a_second_place_is_the_source(places: Path) -> None:
    source, again = places / "models" / "m.ckpt", places / "again" / "m.ckpt"
    before = source.read_bytes()
    (places / "models" / "hard.ckpt").hardlink_to(source)
    for target in (again, places / "again" / "hard.ckpt"):
        code, _, stderr = convert(source, target, "--to", "ckpt", "--overwrite", "--delete-source")
        assert (code, "is the source itself" in stderr) == (2, True)
    assert source.read_bytes() == before
