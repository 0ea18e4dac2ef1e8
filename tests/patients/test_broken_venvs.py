"""Virtual environments that were moved, lost their Python, or were left half changed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

NO_TORCH = "torch-missing"  # also true of them, and not the question here

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_moved_folder(plain_venv, doctor, tmp_path):
    venv = plain_venv("before")
    moved = tmp_path / "after"
    venv.root.rename(moved)
    diagnosis = doctor(moved)
    (finding,) = diagnosis.besides(NO_TORCH)
    assert (finding["id"], finding["severity"]) == ("environment-moved", "error")
    assert diagnosis.exit_code == 1
    assert str(moved) in str(finding)
    assert finding["remedies"][0]["commands"]


def test_a_base_python_that_is_gone(plain_venv, doctor, tmp_path):
    base = tmp_path / "python" / "bin"
    base.mkdir(parents=True)
    program = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (base / program).symlink_to(Path(sys.base_prefix) / "bin" / program)
    venv = plain_venv("venv")
    for name in ("python", "python3", program):
        link = venv.root / "bin" / name
        link.unlink()
        link.symlink_to(base / program)
    config = venv.root / "pyvenv.cfg"
    lines = [
        f"home = {base}" if line.startswith("home") else line
        for line in config.read_text().splitlines()
    ]
    config.write_text("\n".join(lines) + "\n")
    shutil.rmtree(base.parent)
    diagnosis = doctor(venv.root)
    assert diagnosis.exit_code == 1
    assert [error["id"] for error in diagnosis.errors] == ["environment-base-gone"]
    assert str(base) in str(diagnosis.errors)


def test_a_half_uninstalled_package(plain_venv, doctor):
    venv = plain_venv("venv")
    leftover = venv.site_packages / "~orch"
    leftover.mkdir()
    (leftover / "__init__.py").write_text("")
    diagnosis = doctor(venv.root)
    (finding,) = diagnosis.besides(NO_TORCH)
    assert diagnosis.exit_code == 0
    assert (finding["id"], finding["severity"]) == ("half-uninstalled", "warning")
    assert "~orch" in finding["why"]


def test_numpy_2_beside_a_package_built_for_numpy_1(plain_venv, doctor):
    # The wheels with the old interface end with Python 3.11.
    venv = plain_venv("venv", "numpy==2.2.6", python="3.10")
    venv.pip("--no-deps", "opencv-python-headless==4.8.0.76")
    diagnosis = doctor(venv.root)
    (error,) = diagnosis.errors
    assert error["id"] == "numpy-two"
    assert "2.2.6" in error["why"]
    assert "opencv-python-headless" in error["why"]
    assert "4.8.0.76" in error["why"]
    assert "numpy<2" in str(error["remedies"])


def test_deep_meets_the_old_interface(plain_venv, doctor):
    venv = plain_venv("venv", "numpy==2.2.6", python="3.10")
    venv.pip("--no-deps", "opencv-python-headless==4.8.0.76")
    diagnosis = doctor(venv.root, "--deep")
    assert [error["id"] for error in diagnosis.errors].count("numpy-two") == 1
    probes = {probe["module"]: probe for probe in diagnosis.facts["deep"]["imports"]}
    assert not probes["cv2"]["ok"]
