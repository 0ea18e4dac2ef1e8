"""torch.package archives, and files that are cut off within a call."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import load_policy


def _scan(data: bytes):
    return scan_source("model", BytesSource(data), load_policy())


def test_package_with_its_own_programs_is_suspicious(tmp_path: Path):
    package = pytest.importorskip("torch.package")
    from collections import OrderedDict

    path = tmp_path / "model.pt"
    with package.PackageExporter(str(path)) as exporter:
        exporter.extern("**")
        exporter.save_source_string("helper", "value = 1")
        exporter.save_pickle("model", "model.pkl", OrderedDict(a=1))
    found = _scan(path.read_bytes())
    assert found.verdict.word == "suspicious"
    assert "torch-package" in {problem.id for problem in found.problems}


def test_pickle_cut_off_anywhere_is_never_dangerous():
    np = pytest.importorskip("numpy")
    value = [np.ones(3), np.float32(2), b"\xff", bytearray(b"\xfe"), np.random.RandomState(1)]
    data = pickle.dumps(value, 2)[:700]
    for length in range(2, len(data)):
        assert _scan(data[:length]).verdict.word == "unreadable", length
