"""Builds a library that answers as NVIDIA's libnvidia-ml.so.1, with several personalities.

A test that takes the fixture `fake_nvml` gives `fake_nvml("rtx5090")` to a child process as its
environment; `fake_nvml.c` lists the personalities.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_nvml.c")


def build(folder: Path) -> Path:
    """Compiles the library into `folder`; skips the test where that cannot be done."""
    if sys.platform != "linux":
        pytest.skip("the library that stands in for NVML is built for Linux only")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler to build the library that stands in for NVML")
    library = folder / "libnvidia-ml.so.1"
    argv = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o", library, SOURCE]
    subprocess.run(argv, check=True)
    return library


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """Gives the environment in which NVML answers as the personality asked for."""
    library = build(tmp_path_factory.mktemp("nvml"))

    def environment(personality: str) -> dict[str, str]:
        return {
            **os.environ,
            "LD_LIBRARY_PATH": str(library.parent),
            "SDOPS_FAKE_NVML": personality,
        }

    return environment
