"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.nvml.library import fake_nvml
from tests.privileges import modes_count

__all__ = ["fake_nvml"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Deadlines and the check for slow generation judge how busy the machine is, not the code; and a
# change is judged by the same examples everywhere. `--hypothesis-profile default` draws others.
settings.register_profile(
    "sdops",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
settings.load_profile("sdops")

# What the shell that starts the tests has set must not change what they see: the look of output,
# the checkout that git is told to use, and a proxy between a test and its own server.
for _name in (
    "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY",
    "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "LINES", "NO_COLOR", "PY_COLORS",
    "TTY_COMPATIBLE", "TTY_INTERACTIVE",
):  # fmt: skip
    os.environ.pop(_name, None)
os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(
    filter(None, ("127.0.0.1,localhost", os.environ.get("no_proxy") or os.environ.get("NO_PROXY")))
)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: a file made while collecting may differ from worker to worker.

    pytest's own id would be the bytes themselves, and workers that collect different ids all stop.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[Path]:
    """A folder in which the modes of files count, also where root runs the tests."""
    with modes_count():
        yield tmp_path
    for place, folders, _ in os.walk(tmp_path):
        for name in folders:
            Path(place, name).chmod(0o700)
