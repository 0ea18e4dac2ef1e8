"""A real venv of this system: looked at, looked into, repaired; and pictures made in it."""

from __future__ import annotations

import ensurepip
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

from tests import uis
from tests.wheels import make_wheel

pytestmark = [pytest.mark.windows, pytest.mark.slow]
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="there is no torch here"
)


def run(argv: list[object], **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(word) for word in argv], capture_output=True, timeout=300, check=False,
        stdin=subprocess.DEVNULL, env={**os.environ, **environment},
    )  # fmt: skip


def sdops(*argv: object, **environment: str) -> dict[str, Any]:
    done = run([sys.executable, "-m", "sdops", *argv, "--json"], **environment)
    assert done.stdout, done.stderr.decode("utf-8", "replace")
    document: dict[str, Any] = json.loads(done.stdout.decode("utf-8"))
    return document


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An A1111 with a venv of this system, whose torch and torchvision do not fit together."""
    ui = uis.a1111(tmp_path_factory.mktemp("patient") / "it's [x] & 100% ü")
    venv.create(ui / "venv", with_pip=True)
    return ui


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user whose package index is a folder."""
    wheels = tmp_path_factory.mktemp("wheels")
    make_wheel(wheels, "torch", "2.13.0")
    for version in ("0.20.0", "0.28.0"):
        make_wheel(wheels, "torchvision", version)
    bundled = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(ensurepip.__file__).parent
    for wheel in Path(bundled).rglob("pip-*.whl"):
        shutil.copy2(wheel, wheels)
    return {
        "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri(),
        "XDG_STATE_HOME": str(wheels / "state"), "LOCALAPPDATA": str(wheels / "state"),
    }  # fmt: skip


def program(patient: Path) -> Path:
    windows = patient / "venv/Scripts/python.exe"
    return windows if windows.is_file() else patient / "venv/bin/python"


def test_a_repair_is_carried_out_in_a_real_venv(patient: Path, index: dict[str, str]) -> None:
    python = program(patient)
    wrong = [python, "-m", "pip", "install", "-q", "torch==2.13.0", "torchvision==0.20.0"]
    assert run(wrong, **index).returncode == 0
    before = sdops("doctor", patient, **index)
    assert "torch-family-mismatch" in {finding["id"] for finding in before["findings"]}
    done = run([sys.executable, "-m", "sdops", "doctor", patient, "--fix", "--yes"], **index)
    told = (done.stdout + done.stderr).decode("utf-8", "replace")
    after = sdops("doctor", patient, **index)
    assert "torch-family-mismatch" not in {finding["id"] for finding in after["findings"]}, told


def test_doctor_asks_the_python_of_the_venv_itself(patient: Path) -> None:
    found = sdops("doctor", program(patient), "--deep")
    facts = found["data"]["facts"]
    assert facts["python"]["executable"] == str(program(patient))
    assert not [gap for gap in facts["gaps"] if gap["fact"] == "deep"], facts["gaps"]
    assert not [gap for gap in facts["gaps"] if "WinError" in gap["reason"]], facts["gaps"]


@needs_torch
def test_smoke_and_bench_pass_with_the_tiny_model(tmp_path: Path) -> None:
    smoke = sdops("smoke", "--device", "cpu")
    assert smoke["verdict"] == "pass", smoke["findings"]
    result = tmp_path / "é result.json"
    bench = sdops("bench", "--device", "cpu", "--protocol", "tiny", "--save", result)
    assert bench["exit_code"] == 0, bench
    assert json.loads(result.read_bytes().decode("utf-8"))
