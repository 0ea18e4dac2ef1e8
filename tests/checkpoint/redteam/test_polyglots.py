"""Files that begin as something harmless and go on as pickles."""

from __future__ import annotations

import pickle

import pytest

from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import load_policy
from tests.checkpoint.corpus.sample import system

_GIF = b"GIF89a\x01\x00\x01"  # BINFLOAT with eight bytes
_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)[2:]


@pytest.mark.parametrize("rest", [
    b"0" + _MAGIC + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + system(),
    b"." + system(),
    b"0" + b"N0" * 60_000 + system(),
], ids=["torch-legacy", "second-stream", "after-many-operations"])  # fmt: skip
def test_pickle_behind_a_picture_is_dangerous(rest: bytes):
    found = scan_source("picture.gif", BytesSource(_GIF + rest), load_policy())
    assert found.verdict.word == "dangerous"


def test_picture_is_safe():
    found = scan_source("picture.gif", BytesSource(_GIF + bytes(range(256)) * 40), load_policy())
    assert found.verdict.word == "safe"
