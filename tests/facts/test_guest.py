"""The patient's own Python is really run: each answer, each crash and each hang is told apart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from sdops.facts import deep, python_env
from sdops.facts.types import DeepProbe, ImportProbe
from tests import pythons
from tests.processes import end_within

GUEST = resources.files("sdops.facts").joinpath("guest.py")
PYENV = pythons.HOME / ".pyenv" / "versions"


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    root = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
    return root


def site_packages(venv: Path) -> Path:
    (folder,) = [*venv.glob("lib/python3.*/site-packages"), *venv.glob("Lib/site-packages")][:1]
    return folder


def add(venv: Path, name: str, source: str, package: str | None = None) -> None:
    pythons.install(site_packages(venv), package or name, "1.0")
    pythons.text(site_packages(venv) / name / "__init__.py", source)


def look(venv: Path) -> DeepProbe:
    probed = deep.look(python_env.look(venv).value, dict(os.environ))
    assert probed.gaps == ()
    return probed.value


def only_import(venv: Path) -> ImportProbe:
    (found,) = look(venv).imports
    return found


def test_an_import_that_works(venv: Path) -> None:
    add(venv, "numpy", "__version__ = '1.26.4'\n")
    found = only_import(venv)
    assert (found.module, found.ok, found.version) == ("numpy", True, "1.26.4")
    assert found.printed is None


def test_the_real_exception_and_its_cause(venv: Path) -> None:
    add(
        venv, "cv2",
        "try:\n    raise OSError('libGL.so.1: cannot open shared object file')\n"
        "except OSError as error:\n    raise ImportError('cv2 is broken') from error\n",
        "opencv-python",
    )  # fmt: skip
    found = only_import(venv)
    assert (found.ok, found.exception) == (False, "ImportError")
    assert found.message is not None
    assert found.message.startswith("cv2 is broken")
    assert "OSError: libGL.so.1: cannot open shared object file" in found.message


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_an_import_that_crashes_the_interpreter(venv: Path) -> None:
    add(venv, "numpy", "import ctypes\nctypes.string_at(0)\n")
    found = only_import(venv)
    assert (found.ok, found.exception) == (False, "SIGSEGV")
    assert "numpy" in (found.message or "")  # the faulthandler names the file


@pytest.mark.parametrize(
    "source",
    ["import sys\nsys.exit(3)\n", "raise KeyboardInterrupt\n", "import os\nos._exit(3)\n",
     "raise Exception\n", "x = (\n"],
)  # fmt: skip
def test_imports_that_end_in_every_other_way(venv: Path, source: str) -> None:
    add(venv, "numpy", source)
    found = only_import(venv)
    assert found.ok is False
    assert found.exception
    assert found.message


def test_what_an_import_prints_does_not_spoil_the_answer(venv: Path) -> None:
    add(
        venv, "numpy",
        "import os, sys, atexit\nprint('{\"ok\": false}')\nos.write(1, b'from C\\n' * 1000)\n"
        "sys.stderr.write('WARNING: built for another torch\\n')\nsys.stdout = None\n"
        "atexit.register(print, 'late')\n",
    )  # fmt: skip
    found = only_import(venv)
    assert found.ok is True
    assert "WARNING: built for another torch" in (found.printed or "")


def test_an_import_that_hangs(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "IMPORT_TIMEOUT_S", 1.0)
    add(venv, "numpy", "import time\ntime.sleep(300)\n")
    start = time.monotonic()
    found = only_import(venv)
    assert time.monotonic() - start < 30
    assert (found.ok, found.exception) == (False, "TimeoutError")
    assert "numpy" in (found.message or "")  # where it hangs


@pytest.mark.skipif(os.name != "posix", reason="process groups of POSIX")
def test_guests_do_not_outlive_an_interrupted_sdops(venv: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    add(venv, "numpy", f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n")  # fmt: skip
    script = (
        "import os, pathlib\nfrom sdops.facts import deep, python_env\n"
        f"deep.IMPORT_TIMEOUT_S = 3\nenv = python_env.look(pathlib.Path({str(venv)!r})).value\n"
        "deep.look(env, dict(os.environ))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    while not (pid_file.exists() and pid_file.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert end_within(int(pid_file.read_text()), 60)


def test_one_crash_leaves_the_other_answers(venv: Path) -> None:
    add(venv, "numpy", "import os\nos.abort()\n")
    add(venv, "PIL", "", "pillow")
    pythons.text(site_packages(venv) / "PIL" / "Image.py", "")
    assert {each.module: each.ok for each in look(venv).imports} == {"numpy": False, "PIL": True}


def test_nothing_of_the_current_folder_or_of_our_python_is_used(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pythons.install(site_packages(venv), "numpy", "1.0")
    for folder in (tmp_path / "here", tmp_path / "path"):
        pythons.text(folder / "numpy.py", "")
        pythons.text(folder / "sitecustomize.py", f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    found = only_import(venv)
    assert found.exception == "ModuleNotFoundError"
    assert not (tmp_path / "ran").exists()


def test_the_patients_own_pth_files_are_used_and_nothing_is_written(
    venv: Path, tmp_path: Path
) -> None:
    pythons.install(site_packages(venv), "numpy", "1.0")
    pythons.text(tmp_path / "sources" / "numpy.py", "__version__ = 'linked'\n")
    pythons.text(site_packages(venv) / "linked.pth", f"{tmp_path / 'sources'}\n")
    before = sorted(venv.rglob("*"))
    assert only_import(venv).version == "linked"
    assert sorted(venv.rglob("*")) == before
    assert not (tmp_path / "sources" / "__pycache__").exists()


def test_a_python_that_does_not_start_is_a_gap(tmp_path: Path) -> None:
    program = pythons.text(tmp_path / "venv" / "bin" / "python", "#!/bin/sh\nexit 5\n")
    program.chmod(0o755)
    pythons.text(tmp_path / "venv" / "pyvenv.cfg", "home = /nowhere\nversion = 3.10.6\n")
    probed = deep.look(python_env.look(tmp_path / "venv").value, {})
    (gap,) = probed.gaps
    assert (probed.value, gap.fact) == (DeepProbe(), "deep")
    assert "does not start" in gap.reason


def test_an_import_sees_no_command_line(venv: Path) -> None:
    add(venv, "numpy", "import sys\nraise RuntimeError(repr(sys.argv))\n")
    assert only_import(venv).message == "['']"


# --- old Pythons ------------------------------------------------------------------------------


def old_pythons() -> Iterator[Path]:
    for version in ("3.8", "3.9", "3.10", "3.13"):
        yield from sorted(PYENV.glob(f"{version}.*/bin/python3"))[:1]


@pytest.mark.parametrize("program", list(old_pythons()), ids=lambda path: path.parts[-3])
def test_the_guest_runs_on_other_pythons(program: Path, tmp_path: Path) -> None:
    root = tmp_path / "venv"
    subprocess.run([program, "-m", "venv", "--without-pip", root], check=True)
    (packages,) = root.glob("lib/python3.*/site-packages")
    pythons.install(packages, "numpy", "1.0")
    pythons.text(packages / "numpy.py", "raise RuntimeError('as asked')\n")
    found = look(root)
    assert found.python == program.parts[-3]
    assert [(each.exception, each.message) for each in found.imports] == [
        ("RuntimeError", "as asked")]  # fmt: skip


def test_the_guest_needs_no_more_than_python_3_8() -> None:
    vermin = pytest.importorskip("vermin")
    with resources.as_file(GUEST) as path:
        versions = vermin.visit(path.read_text("utf-8")).minimum_versions()
    assert versions[1] is not None
    assert versions[1] <= (3, 8)


# --- a real torch -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_real_torch_computes_rightly_on_every_device(venv: Path) -> None:
    torch = pytest.importorskip("torch")
    home = Path(torch.__file__).parent.parent
    pythons.text(site_packages(venv) / "torch.pth", f"{home}\n")
    env = python_env.look(venv).value
    assert env.torch is not None
    assert env.torch.version == torch.__version__
    found = look(venv)
    (imported,) = [each for each in found.imports if each.module == "torch"]
    assert (imported.ok, imported.version) == (True, torch.__version__)
    assert found.cuda_available is torch.cuda.is_available()
    devices = {each.device for each in found.kernels}
    assert "cpu" in devices
    assert len(found.kernels) == 4 * len(devices)
    for kernel in found.kernels:
        assert kernel.ok, kernel
        assert kernel.relative_error is not None
        assert kernel.relative_error < 0.01
