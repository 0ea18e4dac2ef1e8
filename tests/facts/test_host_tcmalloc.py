"""TCMalloc as webui.sh looks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdops.facts.host import tcmalloc
from sdops.facts.tree import REAL
from sdops.facts.types import Libc

LISTING = """\
812 libs found in cache `/etc/ld.so.cache'
\tlibtheora.so.0 (libc6,x86-64) => /lib/x86_64-linux-gnu/libtheora.so.0
\tlibtcmalloc_minimal_debug.so.4 (libc6,x86-64) => /lib/x86_64-linux-gnu/libtcmalloc_minimal_debug.so.4
\tlibtcmalloc_minimal.so.4 (libc6,x86-64) => /lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4
\tlibtcmalloc_and_profiler.so.4 (libc6,x86-64) => /lib/x86_64-linux-gnu/libtcmalloc_and_profiler.so.4
\tlibtcmalloc.so.4 (libc6,x86-64) => /lib/x86_64-linux-gnu/libtcmalloc.so.4
"""  # noqa: E501


def test_first_match_of_each_pattern_in_order():
    assert tcmalloc.candidates(LISTING) == (
        "/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4",
        "/lib/x86_64-linux-gnu/libtcmalloc.so.4",
    )


def test_debug_build_alone_is_not_found():
    assert tcmalloc.candidates(LISTING.splitlines()[2]) == ()


def test_same_choice_as_webui_sh():
    """The shell's own pipeline picks the same line (needs grep -P)."""
    for pattern in tcmalloc.PATTERNS:
        grep = subprocess.run(
            ["grep", "-P", pattern], input=LISTING, capture_output=True, text=True
        )
        if grep.returncode == 2:
            pytest.skip("this grep knows no -P")
        line = grep.stdout.splitlines()[0]
        assert line.split(" => ")[1] in tcmalloc.candidates(LISTING)


@pytest.mark.skipif(sys.platform != "linux", reason="ldconfig is Linux's")
def test_this_machine():
    found = tcmalloc.look(Libc("glibc", "2.36"), {"LD_PRELOAD": "/nowhere/libx.so libc.so.6"}, REAL)
    assert found.tried == tcmalloc.PATTERNS
    assert found.glibc_has_pthread is True
    assert found.links_pthread is None
    assert found.preload == ("/nowhere/libx.so", "libc.so.6")
    assert found.preload_missing == ("/nowhere/libx.so",)
    assert found.library is None or Path(found.library).is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="ldconfig is Linux's")
@pytest.mark.parametrize("version", ["2.31", "2.33", "2.17"])
def test_old_glibc_has_pthread_apart(version):
    found = tcmalloc.look(Libc("glibc", version), {}, REAL)
    assert found.glibc_has_pthread is False
    assert (found.links_pthread is None) == (found.library is None)


@pytest.mark.skipif(sys.platform != "linux", reason="ldconfig is Linux's")
def test_musl_has_no_such_rule():
    assert tcmalloc.look(Libc("musl", "1.2.4"), os.environ, REAL).glibc_has_pthread is None
