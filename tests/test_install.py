"""install.sh, run as a newcomer runs it: in a copy of the tree, in a folder with spaces."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests import pythons

ROOT = Path(__file__).resolve().parent.parent
MARKER = ".made-by-sdops-install"
TOOLS = ("cat", "dirname", "grep", "head", "mkdir", "rm", "sh", "sleep", "tail", "timeout", "uname")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="install.ps1 is for Windows"),
    pytest.mark.skipif(not (ROOT / "install.sh").is_file(), reason="needs the checkout"),
]


def copy_of_the_tree(folder: Path) -> Path:
    root = folder / "a folder with spaces" / "sdops"
    # Hidden folders are caches, which other tests may be writing to.
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, root, ignore=ignored)
    return root


def run(root: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return subprocess.run(
        [str(root / "install.sh"), *argv], cwd=root.parent, env=env | environment,
        capture_output=True, text=True, timeout=800, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A copy in which it has run once, and what it said."""
    root = copy_of_the_tree(tmp_path_factory.mktemp("newcomer"))
    return root, run(root, "--no-torch")


@pytest.fixture(scope="module")
def checkout(fresh) -> Path:
    """A copy that is set up; the tests leave it as good as it was."""
    return fresh[0]


@pytest.fixture
def bare(tmp_path) -> Path:
    """A copy in which nothing gets as far as installing."""
    root = tmp_path / "a folder with spaces" / "sdops"
    (root / "scripts").mkdir(parents=True)
    shutil.copy2(ROOT / "install.sh", root)
    shutil.copy2(ROOT / "scripts/usable_python.py", root / "scripts")
    return root


@pytest.fixture
def path_of_broken_pythons(tmp_path) -> Path:
    """A PATH with the tools that a shell script needs, and Pythons that fail in every way."""
    folder = tmp_path / "path"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(str(shutil.which(tool)))
    program(folder / "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    program(folder / "python3.12", "echo hello")
    program(folder / "python3.11", "kill -SEGV $$")
    program(folder / "python3.10", "sleep 100")
    program(folder / "python3", "echo 'it is Python 3.8; sdops wants 3.10 to 3.14'; exit 1")
    return folder


def test_help_names_every_option_and_does_nothing(bare):
    done = run(bare, "--help")
    assert done.returncode == 0
    for option in ("--no-torch", "--python PATH", "--index-url URL", "--help", "test"):
        assert option in done.stdout
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize("argv", [["--frobnicate"], ["--python"], ["--index-url"]])
def test_wrong_options_are_refused(bare, argv):
    done = run(bare, *argv)
    assert done.returncode == 2
    assert argv[0] in done.stderr
    assert not (bare / ".venv").exists()


def test_no_usable_python_is_told_one_by_one(bare, path_of_broken_pythons, tmp_path):
    path, home = path_of_broken_pythons, tmp_path / "home"
    done = run(bare, PATH=str(path), HOME=str(home), PYENV_ROOT=str(home), HOMEBREW_PREFIX="/none")
    assert done.returncode == 2
    assert f"Not using {path}/python3.13: pyenv: python3.13: command not found" in done.stderr
    assert f"{path}/python3.12: it does not behave like Python: hello" in done.stderr
    assert f"{path}/python3.11: it stops without a word" in done.stderr
    assert f"{path}/python3.10: it does not answer" in done.stderr
    assert f"{path}/python3: it is Python 3.8" in done.stderr
    assert "Not here at all: python3.14 python." in done.stderr
    assert "uv python install" in done.stderr
    assert not (bare / ".venv").exists()


def test_python_is_found_where_pyenv_keeps_it(bare, path_of_broken_pythons, tmp_path):
    path = path_of_broken_pythons
    (path / "python3.10").unlink()
    real = tmp_path / "pyenv/versions/3.12.1/bin"
    real.mkdir(parents=True)
    program(real / "python", f'exec "{sys.executable}" "$@"')
    done = run(bare, PATH=str(path), HOME=str(tmp_path), PYENV_ROOT=str(tmp_path / "pyenv"))
    assert f"{real}/python" in done.stderr
    assert "Using Python" in done.stderr
    assert "sdops could not be installed" in done.stderr  # the copy holds no package


def test_missing_ensurepip_names_the_package(bare, tmp_path):
    without = "import sys, runpy; sys.modules['ensurepip'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"  # noqa: E501
    fake = program(tmp_path / "python", f'shift\nexec "{sys.executable}" -E -c "{without}" "$@"')
    done = run(bare, "--python", str(fake))
    assert done.returncode == 2
    assert "ensurepip" in done.stderr
    if Path("/etc/debian_version").exists():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        assert f"sudo apt install python{version}-venv" in done.stderr
    assert not (bare / ".venv").exists()


def test_a_good_python_behind_a_bad_one_is_found(bare, path_of_broken_pythons, tmp_path):
    (path_of_broken_pythons / "python3.10").unlink()
    behind = tmp_path / "behind"
    behind.mkdir()
    program(behind / "python3", f'exec "{sys.executable}" "$@"')
    home = {"HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    done = run(bare, PATH=f"{path_of_broken_pythons}:{behind}", **home)
    assert f"Not using {path_of_broken_pythons}/python3: " in done.stderr
    assert f": {behind}/python3\n" in done.stderr


def test_relative_python_and_nothing_but_it(bare, tmp_path):
    program(bare.parent / "mine", "exit 3")
    done = run(bare, "--python=./mine")
    assert done.returncode == 2
    assert "mine: it stops without a word" in done.stderr
    assert "Using Python" not in done.stderr


def test_a_folder_that_it_did_not_make_is_never_touched(bare, tmp_path):
    (bare / ".venv").mkdir()
    (bare / ".venv" / "thesis.txt").write_text("years of work")
    done = run(bare, "--no-torch")
    assert done.returncode == 2
    assert "not made by this script" in done.stderr
    assert (bare / ".venv" / "thesis.txt").read_text() == "years of work"


def test_a_link_is_never_followed_to_delete(bare, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / MARKER).write_text(f"{bare}/.venv\n")
    (bare / ".venv").symlink_to(precious)
    done = run(bare, "--no-torch")
    assert done.returncode == 2
    assert precious.is_dir()
    assert (precious / MARKER).is_file()


def test_index_url_is_asked_and_its_failure_is_explained(bare):
    asked = []

    class Mirror(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    shutil.copy2(ROOT / "pyproject.toml", bare)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/simple"
        nothing = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "no_proxy": "127.0.0.1"}
        done = run(bare, "--no-torch", "--index-url", url, PIP_RETRIES="0", **nothing)
        server.shutdown()
    assert done.returncode == 2
    assert any(path.startswith("/simple/setuptools") for path in asked)
    assert "use a mirror (--index-url URL)" in done.stderr


def test_fresh(fresh):
    checkout, done = fresh
    assert done.returncode == 0, done.stderr
    assert (checkout / ".venv" / MARKER).read_text().strip() == str(checkout / ".venv")
    sdops = checkout / ".venv/bin/sdops"
    version = subprocess.run([sdops, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("sdops ")
    python = [checkout / ".venv/bin/python", "-c", "import torch"]
    assert subprocess.run(python, capture_output=True).returncode == 1
    assert str(sdops) in done.stderr


def test_second_run_keeps_what_is_good(checkout):
    before = (checkout / ".venv/pyvenv.cfg").stat()
    done = run(checkout, "--no-torch")
    assert done.returncode == 0, done.stderr
    assert "Keeping" in done.stderr
    assert (checkout / ".venv/pyvenv.cfg").stat().st_ino == before.st_ino


OLD_PYTHONS = sorted(pythons.HOME.glob(".pyenv/versions/[23].[0-9].*/bin/python"))


@pytest.mark.parametrize("python", OLD_PYTHONS, ids=lambda python: python.parts[-3])
def test_old_pythons_can_read_the_probe(python):
    done = subprocess.run(
        [python, "-E", ROOT / "scripts/usable_python.py"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout.startswith("it is Python ")
    assert done.stderr == ""


def test_another_python_is_refused_or_taken_never_ignored(checkout, tmp_path):
    done = run(checkout, "--no-torch", "--python", "no-such-python")
    assert done.returncode == 2
    assert "Not here at all: no-such-python." in done.stderr
    same = run(checkout, "--no-torch", "--python", sys.executable)
    assert same.returncode == 0
    assert "Keeping" in same.stderr


def test_tests_run_and_their_arguments_and_status_are_passed_on(checkout):
    good = run(checkout, "--no-torch", "test", "tests/test_installed.py", "-k", "version", "-q")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "1 passed" in good.stdout
    none = run(checkout, "--no-torch", "test", "tests/test_installed.py", "-k", "nothing_like_this")
    assert none.returncode == 5


def test_a_broken_environment_of_its_own_is_made_again(bare):
    run(bare, "--no-torch")
    (bare / ".venv/bin/python").unlink()
    done = run(bare, "--no-torch")
    assert ".venv cannot be used: " in done.stderr
    assert "Making it again" in done.stderr
    assert (bare / ".venv/bin/python").exists()
    assert "sdops could not be installed" in done.stderr  # the copy holds no package


def test_a_checkout_in_another_place_gets_an_environment_of_its_own(checkout):
    moved = checkout.parent / "moved"
    shutil.copytree(checkout, moved, symlinks=True)
    done = run(moved, "--no-torch")
    assert done.returncode == 0, done.stderr
    assert f"it was made in {checkout}/.venv and moved" in done.stderr
    assert (moved / ".venv" / MARKER).read_text().strip() == str(moved / ".venv")
    assert (checkout / ".venv/bin/sdops").is_file()
