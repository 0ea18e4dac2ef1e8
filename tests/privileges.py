"""Takes from root, for a while, the right to pass over the modes of files."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# linux/capability.h: _LINUX_CAPABILITY_VERSION_3, CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
VERSION = 0x20080522
OVERRIDE = 1 << 1 | 1 << 2


@contextmanager
def modes_count() -> Iterator[None]:
    """Files that nobody may read cannot be read within, by this thread; its user stays the same.

    Another user might not be let into the folders of Python, of sdops and of temporary files.
    """
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root may read everything")
    system = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(VERSION, 0)
    rights = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then their upper halves
    assert system.capget(header, rights) == 0
    effective = rights[0]
    rights[0] &= ~OVERRIDE
    assert system.capset(header, rights) == 0
    try:
        yield
    finally:
        rights[0] = effective
        assert system.capset(header, rights) == 0
