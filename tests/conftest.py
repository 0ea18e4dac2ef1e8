"""Fixtures for all tests."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.nvml.library import fake_nvml

__all__ = ["fake_nvml"]

NOBODY = 65534

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A deadline judges how busy the machine is, not the code.
settings.register_profile("sdops", deadline=None)
settings.load_profile("sdops")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: a file made while collecting may differ from worker to worker.

    pytest's own id would be the bytes themselves, and workers that collect different ids all stop.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder in which file modes count: where root runs the tests, the test runs as nobody."""
    is_root = os.name == "posix" and os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="sdops-test-"))
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        shutil.rmtree(folder, ignore_errors=True)
