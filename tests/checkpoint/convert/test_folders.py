"""Folders convert again and again: what is done is known, and nothing is mistaken for it."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoint.convert.program import convert
from tests.checkpoint.convert.test_sources import large, raw_safetensors, save, shards

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

OPTIONS = [(), ("--no-metadata", "--dtype", "bf16"), ("--to", "ckpt", "--no-verify")]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program remembers things; empty it to make it forget."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sdops" / "results.sqlite"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with two models."""
    base = torch.randn(700, 500)
    save(tmp_path / "models" / "one.pt", a=base, t=base.t(), e=torch.zeros(0, 2))
    save(tmp_path / "models" / "deep" / "two.pt", a=torch.randn(3), ids=torch.arange(77))
    return tmp_path / "models"


def skipped(*arguments: object, command: str = "convert") -> list[bool]:
    code, data, stderr = convert(*arguments, command=command)
    assert code == 0, stderr
    return ["skipped" in file for file in data["files"]]


@pytest.mark.parametrize("options", OPTIONS)
def test_what_is_done_is_recognized_remembered_or_not(
    tmp_path: Path, models: Path, cache: Path, options: tuple[str, ...]
) -> None:
    arguments = (models, "--out", tmp_path / "out", *options)
    assert skipped(*arguments) == [False, False]
    assert skipped(*arguments) == [True, True]
    cache.unlink(missing_ok=True)
    assert skipped(*arguments) == [True, True]
    assert skipped(*arguments, "--overwrite") == [True, True]


def test_what_became_of_all_files_is_summed_up(tmp_path: Path, models: Path) -> None:
    command = [sys.executable, "-m", "sdops", "convert", str(models), "--out", str(tmp_path / "o")]
    convert(models, "--out", tmp_path / "o")
    save(models / "new.pt", a=torch.ones(1000))
    (models / "broken.pt").write_bytes(b"PK\x03\x04 nothing more")
    result = subprocess.run([*command, "-n"], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Files: 1 would be written" in result.stdout
    assert "2 left out, 1 could not be." in result.stdout


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("change", ["result", "source"])
def test_a_changed_file_is_not_taken_for_done(
    tmp_path: Path, models: Path, cache: Path, options: tuple[str, ...], change: str
) -> None:
    arguments = (models, "--out", tmp_path / "out", *options)
    assert skipped(*arguments) == [False, False]
    changed = models / "one.pt" if change == "source" else next((tmp_path / "out").glob("one.*"))
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 0x41
    changed.write_bytes(data)
    for remembered in (True, False):
        if not remembered:
            cache.unlink(missing_ok=True)
        code, found, stderr = convert(*arguments)
        assert (code, len(found["files"])) == (2, 1)
        assert "exists already" in stderr
    assert skipped(*arguments, "--overwrite") == [False, True]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((), ("--no-metadata",)),
        ((), ("--dtype", "fp16", "--allow-overflow")),
        (("--dtype", "fp16", "--allow-overflow"), ()),
        ((), ("--alias",)),
        ((), ("--fix", "position-ids")),
        (("--dtype", "fp16", "--allow-overflow"), ("--dtype", "fp16")),
    ],
)
def test_a_result_that_was_asked_for_otherwise_is_not_done(
    tmp_path: Path, cache: Path, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    weight, drifted = torch.tensor([1.0, 70000.0]), torch.tensor([[0, 1, 1]])
    name = "cond_stage_model.transformer.embeddings.position_ids"
    save(tmp_path / "models" / "m.pt", **{name: drifted, "a": weight, "b": weight})
    arguments = (tmp_path / "models", "--out", tmp_path / "out")
    assert skipped(*arguments, *first) == [False]
    before = (tmp_path / "out" / "m.safetensors").read_bytes()
    for _ in range(2):
        code, _, stderr = convert(*arguments, *second)
        assert (code, "exists already" in stderr) == (2, True)
        cache.unlink(missing_ok=True)
    assert (tmp_path / "out" / "m.safetensors").read_bytes() == before


def test_other_weights_of_the_same_names_are_not_done(tmp_path: Path) -> None:
    name = "model.diffusion_model.w"
    averages = {"model_ema.diffusion_modelw": torch.zeros(4), "model_ema.decay": torch.ones(())}
    save(tmp_path / "models" / "m.pt", **{name: torch.ones(4)}, **averages)
    arguments = (tmp_path / "models", "--out", tmp_path / "out")
    assert skipped(*arguments, "--keep", "ema", command="prune") == [False]
    assert skipped(*arguments, "--keep", "ema", command="prune") == [True]
    code, _, stderr = convert(*arguments, "--keep", "live", command="prune")
    assert (code, "exists already" in stderr) == (2, True)


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


def test_a_checkpoint_that_holds_more_than_the_weights_is_not_done(tmp_path: Path) -> None:
    state = {"a": torch.ones(3)}
    save(tmp_path / "models" / "m.pt", **state)
    save(tmp_path / "out" / "m.ckpt", **state, evil=Evil())
    code, _, stderr = convert(tmp_path / "models", "--out", tmp_path / "out", "--to", "ckpt")
    assert (code, "exists already" in stderr) == (2, True)


def test_results_in_a_folder_of_the_source_are_no_sources(tmp_path: Path, models: Path) -> None:
    for done in (False, True):
        assert skipped(models, "--out", models / "new") == [done, done]
    assert len(list((models / "new").rglob("*.safetensors"))) == 2


def test_results_beside_their_sources_are_done(models: Path) -> None:
    safetensors_torch.save_file({"a": torch.ones(3)}, models / "own.safetensors")
    assert skipped(models, "--out", models) == [False, True, False]
    assert skipped(models, "--out", models) == [True, True, True]
    code, _, stderr = convert(models, "--out", models, "--dtype", "fp16")
    assert code == 2
    assert "own.safetensors is the source itself" in stderr


@pytest.mark.parametrize("place", ["out", "models"])
def test_a_model_that_was_converted_by_hand_stops_nothing(tmp_path: Path, place: str) -> None:
    state = {"a": torch.randn(500, 70).t(), "b": torch.ones(3)}
    models, out = tmp_path / "models", tmp_path / place
    save(models / "other.ckpt", w=torch.ones(1))
    torch.save({"state_dict": state, "epoch": 3}, models / "m.ckpt")
    by_hand = {name: tensor.contiguous() for name, tensor in state.items()}
    safetensors_torch.save_file(by_hand, models / "m.safetensors", {"format": "pt"})
    digest = hashlib.sha256((models / "m.safetensors").read_bytes()).digest()
    assert convert(models, "--out", out)[0] == 0
    code, data, stderr = convert(models, "--out", out)
    assert code == 0, stderr
    told = {Path(file["source"]).name: file.get("skipped") for file in data["files"]}
    assert "holds" in told["m.ckpt"]
    assert "holds" in told["other.ckpt"]
    assert ("m.safetensors" in told) == (place == "out")
    assert hashlib.sha256((models / "m.safetensors").read_bytes()).digest() == digest
    loaded = safetensors_torch.load_file(out / "m.safetensors")
    assert all(loaded[name].equal(tensor) for name, tensor in state.items())


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_two_models_of_one_name_that_differ_are_told(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    save(models / "m.ckpt", a=torch.zeros(3))
    save(models / "m.pt", a=torch.ones(3))
    safetensors_torch.save_file({"a": torch.ones(3)}, models / "m.safetensors")
    code, data, stderr = convert(models, "--out", out, *options)
    assert code == 2
    told = [(Path(file["source"]).name, file.get("skipped")) for file in data["files"]]
    same = "m.safetensors, which holds the same weights, was taken"
    assert told == [("m.safetensors", None), ("m.pt", same)]
    taken = f"{out / 'm.safetensors'} as well, which is made of m.safetensors"
    assert f"{models / 'm.ckpt'} would be written to {taken}" in stderr
    if not options:
        assert safetensors_torch.load_file(out / "m.safetensors")["a"].equal(torch.ones(3))


def test_the_file_that_was_taken_may_be_given_up(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    save(models / "m.ckpt", a=torch.ones(3))
    save(models / "other.ckpt", a=torch.ones(3))
    safetensors_torch.save_file({"a": torch.ones(3)}, models / "m.safetensors")
    assert convert(models / "other.ckpt", "--out", out)[0] == 0
    code, data, stderr = convert(models, "--out", out, "--delete-source")
    assert code == 0, stderr
    told = {Path(file["source"]).name: file.get("skipped", "") for file in data["files"]}
    assert "holds the same weights" in told["m.ckpt"]
    assert "the source was kept" in told["other.ckpt"]
    assert {path.name for path in models.iterdir()} == {"m.ckpt", "other.ckpt"}


def test_of_two_models_of_one_name_the_whole_one_is_taken(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    save(models / "m.ckpt", a=torch.ones(3))
    entry = {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}
    raw_safetensors(models / "m.safetensors", {"a": entry}, b"half")
    code, data, stderr = convert(models, "--out", out)
    assert (code, len(data["files"])) == (1, 1)
    assert "m.safetensors" in stderr
    assert safetensors_torch.load_file(out / "m.safetensors")["a"].equal(torch.ones(3))


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_the_digest_of_every_shard_is_told_in_a_form_that_sha256sum_checks(tmp_path: Path) -> None:
    index = shards(tmp_path / "models", a=torch.ones(2), b=torch.zeros(3))
    assert convert(index, tmp_path / "m.safetensors")[0] == 0
    with safetensors_torch.safe_open(tmp_path / "m.safetensors", "pt") as file:
        found = file.metadata()
    assert found["sdops.source_sha256"] == hashlib.sha256(index.read_bytes()).hexdigest()
    (tmp_path / "models" / "SHA256SUMS").write_text(found["sdops.shards_sha256"])
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=index.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout.count(": OK")) == (0, 2), checked.stderr
    # Converted again, it does not claim shards that its own source does not have.
    assert convert(tmp_path / "m.safetensors", tmp_path / "n.safetensors")[0] == 0
    with safetensors_torch.safe_open(tmp_path / "n.safetensors", "pt") as file:
        assert "sdops.shards_sha256" not in file.metadata()


def test_a_changed_shard_is_not_taken_for_done(tmp_path: Path, cache: Path) -> None:
    index = shards(tmp_path / "models", a=torch.ones(2), b=torch.zeros(3))
    arguments = (tmp_path / "models", "--out", tmp_path / "out")
    assert skipped(*arguments) == [False]
    assert skipped(*arguments) == [True]
    shard = index.with_name("model-1.safetensors")
    times = shard.stat()
    safetensors_torch.save_file({"b": torch.ones(3)}, shard)
    os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))
    for _ in range(2):
        code, _, stderr = convert(*arguments)
        assert (code, "exists already" in stderr) == (2, True)
        cache.unlink(missing_ok=True)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupted_folder_stops_at_once(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    models.mkdir()
    for name in "abcd":
        large(models / f"{name}.safetensors")
    process = subprocess.Popen(
        [sys.executable, "-m", "sdops", "convert", models, "--out", out, "--dtype", "fp16"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and len(list(out.glob(".*.sdops-partial"))) < 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    assert process.wait(600) == 130
    begun = {"a.safetensors", "b.safetensors"}  # one may be done before the signal has its effect
    assert {path.name for path in out.iterdir()} <= begun
