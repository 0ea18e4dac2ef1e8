"""`sdops doctor --fix` from beginning to end, as a process on a UI whose packages clash."""

from __future__ import annotations

import contextlib
import ensurepip
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from sdops.facts import python_env
from tests import uis
from tests.wheels import make_wheel

ROOT = Path(__file__).resolve().parents[2]
CLASH = "torch-family-mismatch"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal"),
]


@pytest.fixture(scope="module")
def patient(tmp_path_factory) -> Path:
    ui = uis.a1111(tmp_path_factory.mktemp("patient") / "web ui")
    venv.create(ui / "venv", with_pip=True)
    return ui


@pytest.fixture
def environment(patient, tmp_path) -> dict[str, str]:
    """The environment variables of a user whose package index is a folder."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, version in [
        ("torch", "2.13.0"),
        ("torchvision", "0.20.0"),
        ("torchvision", "0.28.0"),
    ]:
        make_wheel(wheels, name, version)
    # Debian keeps the wheel of pip in a folder of its own.
    bundled = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(ensurepip.__file__).parent
    for wheel in Path(bundled).rglob("pip-*.whl"):
        shutil.copy2(wheel, wheels)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    settings = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels.as_uri(),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    python = patient / "venv/bin/python"
    for arguments in (
        ("uninstall", "-q", "--yes", "torchvision"),
        ("install", "-q", "torch==2.13.0", "torchvision==0.20.0"),
    ):
        subprocess.run(
            [python, "-m", "pip", *arguments], env=inherited | settings, check=True,
            capture_output=True,
        )  # fmt: skip
    return inherited | settings


def argv(patient: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "sdops", "doctor", str(patient), "--fix", *options]


def torchvision(patient: Path) -> str:
    found = python_env.look(patient / "venv").value.distribution("torchvision")
    assert found is not None
    return found.version


def answer_on_a_terminal(patient: Path, environment: dict[str, str], answer: str) -> str:
    """Runs `--fix` on a pseudo-terminal, types `answer` when asked; what was shown."""
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        command = argv(patient)
        os.execve(command[0], command, environment | {"TERM": "dumb"})
    shown, answered = b"", False
    # On Linux, reading fails once the program has closed its side; elsewhere it gives nothing.
    with contextlib.suppress(OSError):
        while chunk := os.read(terminal, 4096):
            shown += chunk
            if b"Go on?" in shown and not answered:  # it may come in two pieces
                os.write(terminal, f"{answer}\n".encode())
                answered = True
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode(errors="replace")


def test_in_a_pipe_the_plan_is_shown_and_nothing_is_done(patient, environment):
    done = subprocess.run(
        argv(patient), env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 2
    assert "torchvision==0.28.0" in done.stderr
    assert "--yes" in done.stderr
    assert done.stdout == ""
    assert torchvision(patient) == "0.20.0"


def test_yes_repairs_and_the_doctor_looks_again(patient, environment, tmp_path):
    done = subprocess.run(
        argv(patient, "--yes", "--json"), env=environment, cwd=ROOT, capture_output=True,
        text=True, timeout=600, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert torchvision(patient) == "0.28.0", done.stderr
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert CLASH not in [finding["id"] for finding in report["findings"]]
    (note,) = tmp_path.glob("state/sdops/repairs/*/how-to-go-back.txt")
    assert str(note) in done.stderr


def test_a_moved_environment_with_leftovers_works_again(patient, environment, tmp_path):
    moved = tmp_path / "moved ui"
    patient.rename(moved)
    try:
        (site,) = moved.glob("venv/lib/python3*/site-packages")
        (site / "~orch").mkdir()
        done = subprocess.run(
            argv(moved, "--yes", "--json"), env=environment, cwd=ROOT, capture_output=True,
            text=True, timeout=600, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.stdout, done.stderr
        ids = [finding["id"] for finding in json.loads(done.stdout)["findings"]]
        assert not {"environment-moved", "half-uninstalled", CLASH} & set(ids), done.stderr
        pip = subprocess.run([moved / "venv/bin/pip", "--version"], capture_output=True, text=True)
        assert str(moved) in pip.stdout
        assert not (site / "~orch").exists()
        assert list(moved.glob("venv/sdops-backup/*/~orch"))
        assert torchvision(moved) == "0.28.0"
    finally:
        moved.rename(patient)


@pytest.mark.parametrize(("answer", "after"), [("n", "0.20.0"), ("y", "0.28.0")])
def test_on_a_terminal_the_answer_counts(patient, environment, answer, after):
    shown = answer_on_a_terminal(patient, environment, answer)
    assert "This is what sdops would do" in shown
    assert torchvision(patient) == after
    assert ("Nothing was changed" in shown) is (answer == "n")
