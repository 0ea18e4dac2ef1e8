"""A model folder with what goes wrong there: placeholders, web pages, cut off and empty files."""

from __future__ import annotations

import json
import pickle

import pytest

from tests import uis

POINTER = """version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 6938078334
"""


def _safetensors(count: int, kept: int) -> bytes:
    header = {"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(4 * kept)


@pytest.fixture
def models(tmp_path):
    root = uis.a1111(tmp_path / "stable-diffusion-webui")
    return root / "models" / "Stable-diffusion"


def test_each_broken_file_is_named_with_its_kind(models, doctor):
    (models / "pointer.safetensors").write_text(POINTER)
    (models / "page.safetensors").write_text("<!DOCTYPE html><html><title>Log in</title></html>")
    (models / "cut.safetensors").write_bytes(_safetensors(1000, 600))
    (models / "empty.ckpt").touch()
    (models / "whole.safetensors").write_bytes(_safetensors(1000, 1000))
    (models / "Put Stable Diffusion checkpoints here.txt").touch()
    diagnosis = doctor(models.parent.parent, "--only", "broken-model-files")
    found = {
        finding["location"]["path"].rpartition("/")[2]: finding["evidence"]
        for finding in diagnosis.findings
    }
    assert {name: evidence["container"] for name, evidence in found.items()} == {
        "pointer.safetensors": "lfs-pointer",
        "page.safetensors": "html",
        "cut.safetensors": "truncated",
        "empty.ckpt": "empty",
    }
    assert found["pointer.safetensors"]["expected_bytes"] == 6938078334
    assert found["cut.safetensors"]["missing_bytes"] == 1600
    assert diagnosis.exit_code == 1


def test_pickles_are_a_note_and_are_not_loaded(models, doctor, tmp_path):
    witness = tmp_path / "witness"

    class Payload:
        def __reduce__(self):
            return (open, (str(witness), "w"))

    (models / "old.ckpt").write_bytes(pickle.dumps({"state_dict": Payload()}))
    diagnosis = doctor(models.parent.parent, "--only", "pickled-models")
    (finding,) = diagnosis.findings
    assert finding["severity"] == "info"
    assert diagnosis.exit_code == 0
    assert not witness.exists()
