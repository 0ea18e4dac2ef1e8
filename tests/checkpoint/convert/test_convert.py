"""Conversion is exact, whole or not at all, and never runs what it converts."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.checkpoint.write.casting import FLOATS
from tests.checkpoint.convert.program import convert
from tests.checkpoint.convert.test_sources import large

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

KINDS = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}


def every_kind_of_tensor() -> dict[str, Any]:
    torch.manual_seed(0)
    base, big = torch.randn(70, 50), torch.randn(1500, 300)
    return {
        "plain": torch.randn(64, 32),
        "tied": base,
        "transposed": base.t(),
        "sliced": base[3:40:2, 5:],
        "expanded": torch.randn(5, 1, 7).expand(5, 600, 7),
        "channels_last": torch.randn(2, 8, 16, 16).contiguous(memory_format=torch.channels_last),
        "large_transposed": big.t(),
        "permuted": torch.randn(40, 30, 20).permute(2, 0, 1),
        "bf16": torch.randn(10).bfloat16(),
        "fp16": torch.randn(11).half(),
        "fp64": torch.randn(12).double(),
        "tiny": torch.randn(1000) * 1e-6,
        "integers": torch.arange(77).unsqueeze(0),
        "booleans": torch.tensor([True, False]),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(3.5),
        "fp8": torch.randn(16).to(torch.float8_e4m3fn),
        "fp8.scale_weight": torch.tensor(0.25),
        "v_pred": torch.zeros(0),
        "uint16": torch.tensor([1, 2, 65535], dtype=torch.uint16),
        "conjugate": torch.randn(4, dtype=torch.complex64).conj(),
        "negative": torch.randn(4, dtype=torch.complex64).conj().imag,
        "parameter": torch.nn.Parameter(torch.randn(3, 3)),
        "snow ☃ \"quoted\" \\ \n": torch.ones(2),
    }  # fmt: skip


UNCAST = ("fp8.scale_weight", "v_pred")


def expected_bytes(state_dict: dict[str, Any], kind: str | None) -> bytes:
    """What safetensors' own save_file writes for these tensors."""
    plain = {}
    for name, tensor in state_dict.items():
        tensor = tensor.detach().resolve_conj().resolve_neg()
        tensor = tensor.clone(memory_format=torch.contiguous_format)
        floating = str(tensor.dtype).removeprefix("torch.") in FLOATS
        if kind and floating and name not in UNCAST:
            tensor = tensor.to(getattr(torch, kind))
        plain[name] = tensor
    result: bytes = safetensors_torch.save(plain)
    return result


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("word", ["keep", *KINDS])
def test_the_result_is_byte_for_byte_what_safetensors_would_write(
    tmp_path: Path, legacy: bool, word: str
) -> None:
    source, target = tmp_path / "model.ckpt", tmp_path / "model.safetensors"
    state = every_kind_of_tensor()
    torch.save({"state_dict": state, "global_step": 3}, source,
               _use_new_zipfile_serialization=not legacy)  # fmt: skip
    before = source.read_bytes()
    code, data, stderr = convert(source, "--dtype", word, "--no-metadata", "--sha256")
    assert code == 0, stderr
    assert target.read_bytes() == expected_bytes(state, KINDS.get(word))
    assert data["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert data["verified"]
    assert [item["name"] for item in data["dropped"]] == ["global_step"]
    assert source.read_bytes() == before


@pytest.mark.parametrize("wrap", [("state_dict",), ("model",), ("params_ema",), ()])
def test_wrappers_and_ordered_dicts_are_seen_through(tmp_path: Path, wrap: tuple[str, ...]) -> None:
    state: Any = OrderedDict(a=torch.ones(2), b=torch.zeros(3))
    for key in wrap:
        state = {key: state}
    torch.save(state, tmp_path / "m.pt")
    assert convert(tmp_path / "m.pt")[0] == 0
    assert safetensors_torch.load_file(tmp_path / "m.safetensors").keys() == {"a", "b"}


SHAPES = st.lists(st.integers(0, 5), max_size=4)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_view_of_a_storage_comes_out_right(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    from sdops.checkpoint.open import open_checkpoint
    from sdops.checkpoint.weights import Weights

    storage = torch.arange(data.draw(st.integers(1, 3000)), dtype=torch.float32)
    views = {}
    for number in range(data.draw(st.integers(1, 4))):
        shape = data.draw(SHAPES)
        stride = [data.draw(st.integers(0, 40)) for _ in shape]
        reach = sum((n - 1) * s for n, s in zip(shape, stride, strict=True)) if all(shape) else 0
        if reach < len(storage):
            offset = data.draw(st.integers(0, len(storage) - 1 - reach))
            views[f"v{number}"] = torch.as_strided(storage, shape, stride, offset)
    file = tmp_path_factory.mktemp("views") / "views.pt"
    torch.save(views, file, _use_new_zipfile_serialization=data.draw(st.booleans()))
    checkpoint = open_checkpoint(file)
    assert len(checkpoint.tensors) == len(views)
    with Weights(checkpoint) as weights:
        for tensor in checkpoint.tensors:
            blocks = list(weights.blocks(tensor))
            read = np.frombuffer(b"".join(block.data for block in blocks), "<f4")
            assert (read == views[tensor.name].contiguous().flatten().numpy()).all()


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.marker}'",)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_checkpoint_converts_and_runs_nothing(tmp_path: Path, legacy: bool) -> None:
    marker, source = tmp_path / "executed", tmp_path / "evil.ckpt"
    state = {"w": torch.randn(8, 8)}
    torch.save({"callbacks": Evil(marker), "state_dict": state}, source,
               _use_new_zipfile_serialization=not legacy)  # fmt: skip
    code, data, _ = convert(source)
    assert code == 0
    assert not marker.exists()
    loaded = safetensors_torch.load_file(tmp_path / "evil.safetensors")
    assert loaded["w"].equal(state["w"])
    assert any("was not run" in item["reason"] for item in data["dropped"])
    pickle.loads(pickle.dumps(Evil(marker)))
    assert marker.exists(), "the payload would have worked"


def test_too_large_numbers_stop_the_conversion_unless_allowed(tmp_path: Path) -> None:
    torch.save({"big": torch.tensor([1.0, 70000.0]), "ok": torch.ones(2)}, tmp_path / "m.pt")
    target = tmp_path / "m.safetensors"
    code, _, stderr = convert(tmp_path / "m.pt", "--dtype", "fp16")
    assert code == 2
    assert "big" in stderr
    assert "bf16" in stderr
    assert not target.exists()
    code, data, _ = convert(tmp_path / "m.pt", "--dtype", "fp16", "--allow-overflow")
    assert (code, data["overflowed"]) == (0, {"big": 1})
    assert convert(tmp_path / "m.pt", "--dtype", "bf16", "--overwrite")[0] == 0


def test_what_is_too_large_for_bf16_is_not_sent_there(tmp_path: Path) -> None:
    torch.save({"big": torch.tensor([3.4e38])}, tmp_path / "m.pt")
    code, _, stderr = convert(tmp_path / "m.pt", "--dtype", "bf16")
    assert (code, "--dtype keep" in stderr, "--dtype bf16" in stderr) == (2, True, False)


def test_parts_can_have_a_precision_of_their_own(tmp_path: Path) -> None:
    names = ["model.diffusion_model.a", "first_stage_model.b", "cond_stage_model.c", "other"]
    torch.save({name: torch.ones(2) for name in names}, tmp_path / "m.pt")
    arguments = ("--dtype", "fp16", "--vae-dtype", "fp32", "--text-encoder-dtype", "bf16")
    assert convert(tmp_path / "m.pt", *arguments)[0] == 0
    loaded = safetensors_torch.load_file(tmp_path / "m.safetensors")
    wanted = [torch.float16, torch.float32, torch.bfloat16, torch.float16]
    assert [loaded[name].dtype for name in names] == wanted


@pytest.mark.parametrize("command", ["convert", "prune"])
def test_a_precision_for_a_part_that_is_not_there_is_told(tmp_path: Path, command: str) -> None:
    torch.save({"model.diffusion_model.a": torch.ones(2)}, tmp_path / "m.pt")
    arguments = ("--unet-dtype", "fp16", "--vae-dtype", "fp32")
    _, data, _ = convert(tmp_path / "m.pt", *arguments, command=command)
    assert "--vae-dtype changes nothing" in data["notes"][-1]
    assert not any("--unet-dtype" in note for note in data["notes"])


def test_plain_values_deep_beside_the_weights_are_told(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    rates = [{"base_lrs": [0.1], "_step_count": 1}]
    torch.save({"state_dict": model.state_dict(), "lr_schedulers": rates, "step": 3,
                "optimizer_states": [optimizer.state_dict()]}, tmp_path / "m.pt")  # fmt: skip
    names = [item["name"] for item in convert(tmp_path / "m.pt")[1]["dropped"]]
    assert names[0] == "lr_schedulers (2 plain values)"
    assert names[1].startswith("optimizer_states (")
    assert names[2:] == ["step"]


def test_tied_tensors_are_written_twice_or_named(tmp_path: Path) -> None:
    weight = torch.randn(10, 10)
    torch.save({"a": weight, "b": weight}, tmp_path / "m.pt")
    assert convert(tmp_path / "m.pt")[1]["tied_bytes"] == 400
    assert len(safetensors_torch.load_file(tmp_path / "m.safetensors")) == 2
    code, data, _ = convert(tmp_path / "m.pt", tmp_path / "alias.safetensors", "--alias")
    assert (code, data["tensors_out"]) == (0, 1)
    with safetensors_torch.safe_open(tmp_path / "alias.safetensors", "pt") as file:
        assert file.metadata()["b"] == "a"


@pytest.mark.parametrize(
    ("views", "repeated"),
    [
        (lambda weight: (weight, weight.t()), 400),
        (lambda weight: (weight[:5], weight[5:]), 0),
        (lambda weight: (weight[:2], weight[:2], weight[4:]), 80),
        (lambda weight: (weight[:1].expand(30, 10),), 800),
    ],
)
def test_all_that_is_written_again_is_counted(tmp_path: Path, views: Any, repeated: int) -> None:
    tensors = dict(enumerate(views(torch.randn(10, 10))))
    torch.save(tensors, tmp_path / "m.pt")
    assert convert(tmp_path / "m.pt")[1]["tied_bytes"] == repeated


def test_metadata_is_kept_and_says_where_the_file_came_from(tmp_path: Path) -> None:
    source = tmp_path / "m.safetensors"
    safetensors_torch.save_file({"a": torch.ones(3)}, source, {"recipe": "x"})
    assert convert(source, tmp_path / "n.safetensors", "--dtype", "fp16")[0] == 0
    with safetensors_torch.safe_open(tmp_path / "n.safetensors", "pt") as file:
        found = file.metadata()
    assert found["recipe"] == "x"
    assert found["sdops.source"] == "m.safetensors"
    assert found["sdops.source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert convert(source, tmp_path / "bare.safetensors", "--no-metadata")[0] == 0
    with safetensors_torch.safe_open(tmp_path / "bare.safetensors", "pt") as file:
        assert not file.metadata()


def test_repairs_are_made_on_request_only(tmp_path: Path) -> None:
    name = "cond_stage_model.transformer.embeddings.position_ids"
    drifted = torch.arange(77).float()[None] - 0.0025
    torch.save({name: drifted}, tmp_path / "m.pt")
    assert convert(tmp_path / "m.pt")[0] == 0
    assert safetensors_torch.load_file(tmp_path / "m.safetensors")[name].equal(drifted)
    repairs = ("--fix", "position-ids", "--fix", "text-encoder-names", "--overwrite")
    code, data, _ = convert(tmp_path / "m.pt", *repairs)
    assert code == 0
    assert len(data["notes"]) == 2
    loaded = safetensors_torch.load_file(tmp_path / "m.safetensors")
    new_name = "cond_stage_model.transformer.text_model.embeddings.position_ids"
    assert loaded[new_name].equal(torch.arange(77)[None])


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_a_repair_is_reported_only_where_it_is_made(tmp_path: Path, dtype: Any) -> None:
    name = "cond_stage_model.transformer.text_model.embeddings.position_ids"
    torch.save({name: torch.arange(77, dtype=dtype)[None]}, tmp_path / "m.pt")
    repairs = ("--fix", "position-ids", "--fix", "text-encoder-names")
    code, data, _ = convert(tmp_path / "m.pt", *repairs)
    assert (code, data["notes"][1]) == (0, "No text encoder tensor had to get the names of today.")
    assert (data["notes"][0] == "No position_ids had to be repaired.") == (dtype is torch.int64)
    loaded = safetensors_torch.load_file(tmp_path / "m.safetensors")[name]
    assert loaded.equal(torch.arange(77)[None])


def test_numbers_that_are_no_position_ids_are_not_made_up(tmp_path: Path) -> None:
    name = "other.embeddings.position_ids"
    torch.save({name: torch.zeros(1, dtype=torch.int64).expand(1 << 40)}, tmp_path / "m.pt")
    code, _, stderr = convert(tmp_path / "m.pt", "--fix", "position-ids", "--dry-run")
    assert (code, "are missing on the disk" in stderr) == (2, True)


def test_back_to_a_checkpoint_for_old_uis(tmp_path: Path) -> None:
    state = {k: v for k, v in every_kind_of_tensor().items() if "fp8" not in k and k != "uint16"}
    torch.save(state, tmp_path / "m.pt")
    code, data, stderr = convert(tmp_path / "m.pt", tmp_path / "m.ckpt", "--to", "ckpt", "--sha256")
    assert code == 0, stderr
    assert data["sha256"] == hashlib.sha256((tmp_path / "m.ckpt").read_bytes()).hexdigest()
    loaded = torch.load(tmp_path / "m.ckpt", weights_only=True)
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].equal(tensor.detach().resolve_conj().resolve_neg()), name
    mapped = torch.load(tmp_path / "m.ckpt", weights_only=True, mmap=True)
    assert mapped["plain"].equal(state["plain"])


def test_deflated_members_are_unpacked(tmp_path: Path) -> None:
    state = {"a": torch.randn(100, 7), "b": torch.randn(33).t()}
    torch.save(state, tmp_path / "stored.pt")
    packed = tmp_path / "packed.pt"
    with (
        zipfile.ZipFile(tmp_path / "stored.pt") as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    assert convert(packed)[0] == 0
    loaded = safetensors_torch.load_file(tmp_path / "packed.safetensors")
    assert all(loaded[name].equal(tensor) for name, tensor in state.items())


def test_shards_become_one_file(tmp_path: Path) -> None:
    state = {f"w{n}": torch.randn(4, 4) for n in range(4)}
    where = {}
    for number in range(2):
        name = f"model-{number}.safetensors"
        part = {key: state[key] for key in list(state)[number * 2 : number * 2 + 2]}
        safetensors_torch.save_file(part, tmp_path / name)
        where.update(dict.fromkeys(part, name))
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    assert convert(index, tmp_path / "whole.safetensors")[0] == 0
    loaded = safetensors_torch.load_file(tmp_path / "whole.safetensors")
    assert all(loaded[name].equal(tensor) for name, tensor in state.items())


def test_a_folder_is_converted_and_what_is_done_is_skipped(tmp_path: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "out"
    (models / "deep").mkdir(parents=True)
    torch.save({"a": torch.ones(2)}, models / "one.ckpt")
    torch.save({"a": torch.ones(3)}, models / "deep" / "two.pt")
    (models / "broken.ckpt").write_bytes(b"PK\x03\x04 nothing more")
    code, data, _ = convert(models, "--out", out)
    assert code == 1, "one of them is broken"
    assert sorted(path.name for path in out.rglob("*.*")) == ["one.safetensors", "two.safetensors"]
    code, data, _ = convert(models, "--out", out)
    assert ["skipped" in file for file in data["files"]] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.ckpt"], "missing.ckpt cannot be read"),
        (["m.pt", "--dtype", "fp4"], "no precision 'fp4'"),
        (["m.pt", "--to", "gguf"], "no format 'gguf'"),
        (["m.pt", "--fix", "everything"], "no repair 'everything'"),
        (["m.pt", "there.safetensors"], "there.safetensors exists already"),
        (["m.pt", "m.pt", "--overwrite"], "is the source itself"),
        (["m.pt", "link.pt", "--overwrite"], "is the source itself"),
        (["m.pt", "nowhere/x.safetensors"], "nowhere"),
        (["m.pt", "m.bin"], "another format"),
        (["m.pt", "--out", "page.ckpt"], "is a file"),
        (["m.pt", "--trash", "--no-verify"], "once the result is verified"),
    ],
)
def test_wrong_use_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    torch.save({"a": torch.randn(50, 50)}, tmp_path / "m.pt")
    (tmp_path / "there.safetensors").write_bytes(b"mine")
    (tmp_path / "page.ckpt").write_bytes(b"<html><body>login</body></html>")
    (tmp_path / "short.pt").write_bytes((tmp_path / "m.pt").read_bytes()[:-5000])
    (tmp_path / "link.pt").symlink_to(tmp_path / "m.pt")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for dry in ([], ["--dry-run"]):
        result = subprocess.run(
            [sys.executable, "-m", "sdops", "convert", *arguments, *dry],
            capture_output=True, text=True, check=False, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        )  # fmt: skip
        assert result.returncode == 2
        assert says in result.stderr
        assert result.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_source_can_be_given_up_once_verified(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "m.pt")
    assert convert(tmp_path / "m.pt", "--delete-source")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_umask_decides_the_mode(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "m.pt")
    assert convert(tmp_path / "m.pt")[0] == 0
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "m.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_conversion_leaves_nothing_that_the_next_does_not_clear(
    tmp_path: Path, how: signal.Signals
) -> None:
    source, result = large(tmp_path / "m.safetensors"), tmp_path / "half.safetensors"
    before = source.stat()
    process = subprocess.Popen(
        [sys.executable, "-m", "sdops", "convert", str(source), str(result), "--dtype", "fp16"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and not list(tmp_path.glob(".*.sdops-partial")):
        time.sleep(0.002)
    process.send_signal(how)
    process.wait(600)
    assert not result.exists()
    after = source.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    assert convert(source, result, "--dtype", "fp16")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {source.name, result.name}
    if how is signal.SIGINT:
        assert process.returncode == 130


@pytest.mark.skipif(os.name != "posix", reason="Windows has no ended processes that have a number")
def test_only_the_file_of_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "m.pt")
    name = ".m.safetensors.{}.sdops-partial"
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # ended, but not yet forgotten
    of_ended, of_earlier = tmp_path / name.format(ended.pid), tmp_path / name.format(os.getppid())
    of_living = tmp_path / name.format(os.getpid())
    for path in (of_ended, of_earlier, of_living):
        path.write_bytes(b"half a model")
    os.utime(of_earlier, (1, 1))  # written before the process that has this number now began
    assert convert(tmp_path / "m.pt")[0] == 0
    assert not of_ended.exists()
    assert not of_earlier.exists()
    assert of_living.exists()
    ended.wait()


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of 2 MB, where it may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if (
        not hasattr(os, "geteuid")
        or os.geteuid() != 0
        or subprocess.run(mount, check=False).returncode
    ):
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_no_room_is_said_before_any_work(tmp_path: Path, small_disk: Path) -> None:
    torch.save({"a": torch.randn(1000, 1000)}, tmp_path / "m.pt")
    code, _, stderr = convert(tmp_path / "m.pt", small_disk / "m.safetensors")
    assert code == 2
    assert "are missing on the disk" in stderr
    assert list(small_disk.iterdir()) == []
