"""What `sdops verify` takes for evidence, how strong that is, and what the file itself shows."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from sdops.checkpoint.hash.hashes import hash_file

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file


def verify(*arguments: object) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "sdops", "verify", *map(str, arguments), "--json"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def ids(document: dict[str, Any]) -> list[str]:
    return [finding["id"] for finding in document["findings"]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "m.safetensors"
    path.parent.mkdir()
    torch.manual_seed(1)
    save_file({"a.weight": torch.randn(600, 600)}, path)
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_companions_are_no_models(model: Path) -> None:
    folder = model.parent
    for name in ("config.json", "model_index.json", "m.yaml", "notes.txt", "m.preview.png"):
        (folder / name).write_text('{"a": 1}')
    (folder / "put_models_here").touch()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'1' * 64}\nsize 9\n"
    (folder / "tokenizer.json").write_text(pointer)
    (folder / "m.civitai.info").write_text(
        json.dumps({"files": [{"name": "m.safetensors", "hashes": {"SHA256": _digest(model)}}]})
    )
    code, document = verify(folder)
    found = {Path(file["path"]).name: file["match"] for file in document["data"]["files"]}
    assert found == {"m.safetensors": True, "tokenizer.json": False}
    assert (code, ids(document)) == (1, ["broken-model-files"])


def _power_shell(path: Path) -> str:
    place = f"C:\\m\\{path.name}"
    return f"\n\nAlgorithm : SHA256\nHash      : {_digest(path).upper()}\nPath      : {place}\n\n"


def _power_shell_table(path: Path) -> str:
    head = (
        "Algorithm       Hash                                 Path\n---------       ----     ----\n"
    )
    return head + f"SHA256          {_digest(path).upper()}       C:\\a b\\{path.name}\n"


def _renamed(path: Path) -> str:
    return f"{_digest(path)}  another-name.safetensors\n{'0' * 64}  third\n"


@pytest.mark.parametrize("form", [_power_shell, _power_shell_table, _renamed])
def test_forms_of_lists(tmp_path: Path, model: Path, form) -> None:
    (tmp_path / "list.txt").write_text(form(model))
    code, document = verify(model, "--against", tmp_path / "list.txt")
    assert (code, ids(document), document["data"]["files"][0]["match"]) == (0, [], True)
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    if form is not _renamed:
        assert ids(verify(model, "--against", tmp_path / "list.txt")[1]) == ["verify-altered"]


def test_crc32_and_blake3_lists(tmp_path: Path, model: Path) -> None:
    blake3 = pytest.importorskip("blake3")
    crc = f"{zlib.crc32(model.read_bytes()):08X}"
    (tmp_path / "l.sfv").write_text(f"; a comment\n{model.name} {crc}\n")
    code, document = verify(model, "--against", tmp_path / "l.sfv")
    assert (code, ids(document)) == (0, ["verify-weak-match"])
    digest = blake3.blake3(model.read_bytes()).hexdigest()
    (tmp_path / "b3sums.blake3").write_text(f"{digest}  {model.name}\n")
    code, document = verify(model, "--against", tmp_path / "b3sums.blake3")
    assert (code, ids(document)) == (0, [])


def test_a_legacy_hash_is_weak_and_that_of_nothing_matches_nothing(model: Path) -> None:
    legacy = hash_file(model).a1111_legacy
    code, document = verify(model, "--expect", f"m [{legacy}]")
    assert (code, ids(document)) == (0, ["verify-weak-match"])
    assert "64 KiB" in document["findings"][0]["why"]
    small = model.with_name("small.safetensors")
    save_file({"a": torch.randn(3)}, small)
    assert hash_file(small).a1111_legacy == "e3b0c442"
    assert verify(small, "--expect", "e3b0c442")[0] == 1


def test_infotext_is_a_list(tmp_path: Path, model: Path) -> None:
    short = _digest(model)[:10]
    (tmp_path / "t.txt").write_text(f"a cat\nSteps: 20, Model hash: {short}, Model: m, Seed: 1\n")
    code, document = verify(model, "--against", tmp_path / "t.txt")
    assert (code, document["data"]["files"][0]["match"]) == (0, True)


def test_a_digest_decides_over_the_structure(tmp_path: Path) -> None:
    odd = tmp_path / "odd.safetensors"
    odd.write_bytes(b"not a model at all, but what was asked for")
    assert verify(odd)[0] == 1
    _, document = verify(odd, "--expect", _digest(odd))
    assert document["data"]["files"][0]["match"] is True


def test_what_the_header_states_is_checked(tmp_path: Path) -> None:
    tensors = {"lora_unet_x.lora_down.weight": torch.randn(8, 64), "y": torch.randn(64)}
    path = tmp_path / "l.safetensors"
    save_file(tensors, path, {"ss_network_dim": "8"})
    true = hash_file(path).tensors_sha256 or ""
    save_file(tensors, path, {"ss_network_dim": "8", "sshs_model_hash": true})
    assert ids(verify(path)[1]) == ["verify-nothing-known"]
    save_file(tensors, path, {"ss_network_dim": "8", "modelspec.hash_sha256": f"0x{true}"})
    assert ids(verify(path)[1]) == ["verify-nothing-known"]
    save_file(tensors, path, {"ss_network_dim": "16", "sshs_model_hash": "ab" * 32})
    assert ids(verify(path)[1]) == ["verify-nothing-known", *["verify-header-claim"] * 2]


ILL = {
    "nan": lambda t: t.fill_(float("nan")),
    "one infinity": lambda t: t[0, 3].fill_(float("inf")),
    "sixty thousand": lambda t: t.fill_(60000.0),
    "minus forty thousand": lambda t: t.fill_(-40000.0),
}


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("illness", ILL)
def test_weights_that_no_training_gives_are_named(tmp_path: Path, illness: str, dtype) -> None:
    path = tmp_path / "l.safetensors"
    tensors = {f"l{n}.weight": torch.randn(64, 64).to(dtype) for n in range(3)}
    ILL[illness](tensors["l1.weight"])
    save_file(tensors, path)
    code, document = verify(path)
    found = [item for item in document["findings"] if item["id"] == "verify-weights"]
    assert (code, found[0]["evidence"]["tensors"]) == (1, ["l1.weight"])


def test_zeros_are_named_on_request_and_usual_weights_are_not(tmp_path: Path) -> None:
    path = tmp_path / "z.safetensors"
    save_file({"l.weight": torch.zeros(64, 64)}, path)
    assert ids(verify(path)[1]) == ["verify-nothing-known"]
    code, document = verify(path, "--weights")
    assert (code, "verify-weights" in ids(document)) == (0, True)
    usual = {"l.weight": torch.randn(64, 64) * 30, "alpha": torch.tensor(6e4), "e": torch.zeros(64)}
    save_file(usual, path)
    assert ids(verify(path, "--weights")[1]) == ["verify-nothing-known"]


def test_a_large_folder_fits_a_screen(tmp_path: Path) -> None:
    for number in range(80):
        save_file({"a": torch.full((3,), float(number))}, tmp_path / f"{number}.safetensors")
    (tmp_path / "bad.safetensors").touch()
    code, document = verify(tmp_path)
    assert (code, ids(document)) == (1, ["broken-model-files", "verify-nothing-known"])
    shown = subprocess.run(
        [sys.executable, "-m", "sdops", "verify", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.stdout.count("\n") < 30
    assert "80 nothing to compare with" in shown.stdout
