"""Programs in files that are no pickles, and which files of a folder are looked at."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from sdops.checkpoint.files.source import FileSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.likely import likely_models
from sdops.checkpoint.scan.policy import load_policy
from tests.checkpoint.corpus.sample import make_zip


def _tar(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _field(number: int, data: bytes) -> bytes:
    assert number < 16
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def _onnx(domain: bytes, location: bytes) -> bytes:
    entry = _field(1, b"location") + _field(2, location)
    node = _field(4, b"Conv") + _field(7, domain)
    return b"\x08\x07" + _field(7, _field(1, node) + _field(5, _field(13, entry)))


_LAYERS = {"config": {"layers": [{"class_name": "Lambda", "config": {}}]}}
_CLASS = {"__class__": "LogisticRegression", "__module__": "sklearn.linear_model"}
_FILES = {
    "library.pt2": (make_zip({"m/data/model.so": b"\x7fELF" + bytes(99)}), "suspicious"),
    "handler.mar": (make_zip({"MAR-INF/M.json": b"{}", "h.py": b"import os\n"}), "suspicious"),
    "good.skops": (make_zip({"schema.json": _json(_CLASS)}), "safe"),
    "bad.skops": (
        make_zip({"schema.json": _json({"__class__": "system", "__module__": "os"})}),
        "dangerous",
    ),
    "unknown.skops": (
        make_zip({"schema.json": _json({"__class__": "Thing", "__module__": "elsewhere"})}),
        "unfamiliar",
    ),
    "bad.nemo": (_tar("model_config.yaml", b"_target_: subprocess.Popen\n"), "dangerous"),
    "bad.keras": (make_zip({"config.json": _json(_LAYERS)}), "suspicious"),
    "good.keras": (make_zip({"config.json": _json({"class_name": "Dense"})}), "safe"),
    "bad.h5": (b"\x89HDF\r\n\x1a\n" + bytes(600) + b'{"class_name": "Lambda"}', "suspicious"),
    "good.h5": (b"\x89HDF\r\n\x1a\n" + bytes(600), "not-judged"),
    "bad.yaml": (b"model:\n  target: subprocess.Popen\n", "dangerous"),
    "objects.yaml": (b"a: !!python/object:elsewhere.Thing {}\n", "unfamiliar"),
    "good.yaml": (b"model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n", "safe"),
    "script.ckpt": (b"#!/bin/sh\nid\n", "not-judged"),
    "source.ckpt": (b"import os\nos.system('id')\n", "not-judged"),
    "empty.ckpt": (b"", "not-judged"),
    "pointer.bin": (b"version https://git-lfs.github.com/spec/v1\nsize 5\n", "not-judged"),
    "config.json": (_json({"auto_map": {"AutoModel": "m.M"}}), "not-judged"),
    "plain.json": (_json({"a": 1}), "safe"),
    "tokenizer_config.json": (
        _json({"chat_template": "{{ ''.__class__.__mro__ }}"}),
        "suspicious",
    ),
    "good/tokenizer_config.json": (
        _json({"chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}),
        "safe",
    ),
    "bad.onnx": (_onnx(b"", b"../../etc/passwd"), "suspicious"),
    "own.onnx": (_onnx(b"my.ops", b"weights.bin"), "not-judged"),
    "good.onnx": (_onnx(b"", b"weights.bin"), "safe"),
    "cut.onnx": (_onnx(b"", b"weights.bin")[:-3], "unreadable"),
    "bad/saved_model.pb": (b"\x08\x01\x12\x09WriteFile", "suspicious"),
    "good/saved_model.pb": (b"\x08\x01\x12\x04Conv", "not-judged"),
}


@pytest.mark.parametrize("name", _FILES)
def test_verdict(tmp_path: Path, name: str) -> None:
    data, verdict = _FILES[name]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    with FileSource(path) as source:
        found = scan_source(str(path), source, load_policy())
    assert found.verdict.word == verdict, (found.problems, found.judgments)


def test_a_pipeline_of_its_own_is_said(tmp_path: Path) -> None:
    index = tmp_path / "model_index.json"
    index.write_text('{"_class_name": "StableDiffusionPipeline"}')
    with FileSource(index) as source:
        assert scan_source(str(index), source, load_policy()).verdict.word == "safe"
        (tmp_path / "pipeline.py").write_text("")
        assert scan_source(str(index), source, load_policy()).verdict.word == "not-judged"


def test_only_models_and_what_loaders_read_beside_them_are_likely(tmp_path: Path) -> None:
    taken = {"a/model.ckpt": b"", "a/model.yaml": b"x: 1", "b/config.json": b"{}",
             "c/blob": b"PK\3\4", "c/weights": b"\x08\0\0\0\0\0\0\0{}"}  # fmt: skip
    left = {"b/notes.txt": b"Put VAE here", "b/other.yaml": b"x: 1", "b/app.py": b"", "c/LICENSE":
            b"MIT", "c/.git/objects/1f": b"x\x9c", "b/preview.png": b"\x89PNG"}  # fmt: skip
    for name, data in {**taken, **left}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    names = [str(tmp_path / name) for name in (*taken, *left)]
    assert sorted(likely_models(names)) == sorted(str(tmp_path / name) for name in taken)
