"""Real environments, built with pip, for the doctor to look at.

What is large is built once and kept in `$SDOPS_TEST_CACHE` (`~/.cache/sdops-tests` without it),
keyed by what it holds. Every patient is a virtual environment of its own whose packages are hard
links to the kept ones: pip and Python replace files, they never write into one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import pythons

ROOT = Path(__file__).resolve().parents[2]
TORCH = ("torch==2.13.0+cpu", "numpy<3", "pillow")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH_PYTHONS = ("3.11", "3.12", "3.13", "3.10")
OF_THE_MACHINE = {"allocator-config", "avx-missing", "container-without-gpu", "debug-variables",
                  "low-disk", "low-memory", "proxy-unreachable", "small-shm",
                  "stale-preload"}  # fmt: skip
"""Checks of the machine that runs the tests, which may well be small, and not of the patient."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment on disk."""

    root: Path

    @property
    def python(self) -> Path:
        return self.root / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        (folder,) = self.root.glob("lib/python3*/site-packages")
        return folder

    def pip(self, *arguments: str) -> None:
        """Runs `pip install`; a package that cannot be had skips the test."""
        argv = [str(self.python), "-m", "pip", "install", "--quiet", "--no-input", *arguments]
        run = subprocess.run(argv, capture_output=True, text=True, timeout=900, check=False)
        if run.returncode:
            pytest.skip(f"pip install {' '.join(arguments)}: {run.stderr.strip()[-300:]}")


@dataclass(frozen=True)
class Diagnosis:
    """The doctor's answer."""

    exit_code: int
    report: dict[str, Any]
    stderr: str

    @property
    def findings(self) -> list[dict[str, Any]]:
        found = self.report["findings"]
        return [finding for finding in found if finding["id"] not in OF_THE_MACHINE]

    def besides(self, *ids: str) -> list[dict[str, Any]]:
        return [finding for finding in self.findings if finding["id"] not in ids]

    def at_least(self, *severities: str) -> list[dict[str, Any]]:
        return [finding for finding in self.findings if finding["severity"] in severities]

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self.report["data"]["facts"])

    @property
    def errors(self) -> list[dict[str, Any]]:
        return self.at_least("error", "critical")


def make_venv(python: str, root: Path, *options: str) -> Environment:
    """A fresh virtual environment."""
    argv = [python, "-m", "venv", *options, str(root)]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode:
        pytest.skip(f"no virtual environment can be made: {run.stderr[-300:] or run.stdout[-300:]}")
    return Environment(root)


def link_tree(source: Path, destination: Path) -> None:
    """Copies a tree by hard links, or by contents across file systems."""

    def link(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:
            shutil.copy2(one, other)

    shutil.copytree(source, destination, copy_function=link, symlinks=True, dirs_exist_ok=True)


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Keeps other test processes out while `folder` is being built."""
    import fcntl

    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where built environments are kept between runs; only for this one without a home folder."""
    if sys.platform == "win32":
        pytest.skip("the patients are built for Unix")
    folder = Path(os.environ.get("SDOPS_TEST_CACHE") or pythons.HOME / ".cache" / "sdops-tests")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return tmp_path_factory.mktemp("patients")
    return folder


def find_python(version: str) -> str | None:
    """A CPython of that minor version, from the running one, PATH or pyenv."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return str(Path(sys.base_prefix) / "bin" / f"python{version}")
    pyenv = sorted(pythons.HOME.glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    return str(pyenv[-1]) if pyenv else shutil.which(f"python{version}")


@pytest.fixture(scope="session")
def torch_kept(cache: Path) -> Environment:
    """A kept environment with the CPU build of torch 2.13.0."""
    key = hashlib.sha256(" ".join((*TORCH, *TORCH_PYTHONS)).encode()).hexdigest()[:12]
    root = cache / f"torch-{key}"
    with exclusively(root):
        if not ((root / "complete").is_file() and Environment(root).python.exists()):
            shutil.rmtree(root, ignore_errors=True)
            _build_torch(root)
            (root / "complete").touch()
    return Environment(root)


def _build_torch(root: Path) -> None:
    # `+cpu`: from a wheel folder or the index for CPU builds; a CUDA build would be gigabytes.
    sources: tuple[tuple[str, ...], ...] = ((), ("--extra-index-url", CPU_INDEX))
    for version in TORCH_PYTHONS:
        python = find_python(version)
        for source in sources if python else ():
            environment = make_venv(str(python), root)
            argv = [str(environment.python), "-m", "pip", "install", "--quiet", "--no-input",
                    *source, *TORCH]  # fmt: skip
            run = subprocess.run(argv, capture_output=True, text=True, timeout=1500, check=False)
            if run.returncode == 0:
                return
            shutil.rmtree(root, ignore_errors=True)
    pytest.skip("the CPU build of torch 2.13.0 cannot be had here")


@pytest.fixture
def torch_venv(torch_kept: Environment, tmp_path: Path) -> Callable[..., Environment]:
    """Makes a virtual environment with torch: `torch_venv(name, "package==1", ...)`."""

    def make(name: str, *without_dependencies: str) -> Environment:
        python = str(torch_kept.python.resolve())
        environment = make_venv(python, tmp_path / name, "--without-pip")
        link_tree(torch_kept.site_packages, environment.site_packages)
        if without_dependencies:
            environment.pip("--no-deps", *without_dependencies)
        return environment

    return make


@pytest.fixture
def plain_venv(cache: Path, tmp_path: Path) -> Callable[..., Environment]:
    """Makes a small virtual environment: `plain_venv(name, "package==1", ..., python="3.10")`."""

    def make(name: str, *packages: str, python: str | None = None) -> Environment:
        program = find_python(python) if python else sys.executable
        if program is None:
            pytest.skip(f"there is no Python {python} here")
        environment = make_venv(program, tmp_path / name)
        if packages:
            environment.pip(*packages)
        return environment

    return make


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., Diagnosis]:
    """Runs `sdops doctor` as a process: `doctor(path, "--deep")`."""

    def run(target: Path, *options: str) -> Diagnosis:
        argv = [sys.executable, "-m", "sdops", "doctor", str(target), "--format", "json", *options]
        done = subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.stdout, done.stderr
        assert "Traceback" not in done.stderr
        return Diagnosis(done.returncode, json.loads(done.stdout), done.stderr)

    return run
