"""Small files that ask for much work: each is given up in seconds, in less than 100 MB."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.checkpoint.corpus.sample import name, text

_ROOT = Path(__file__).parents[3]
_MOST_SECONDS = 20  # of processor time, on the slowest machine; a second or two on others
_MOST_MEGABYTES = 100
_CHILD = """
import json, resource, sys
from sdops.checkpoint.scan.policy import load_policy
from sdops.checkpoint.scan.files import scan_file
from pathlib import Path
outcome = scan_file(sys.argv[1], load_policy())
usage = resource.getrusage(resource.RUSAGE_SELF)
status = Path("/proc/self/status")
peak = int(status.read_text().split("VmHWM:")[1].split()[0]) if status.exists() else 0
print(json.dumps([outcome.scan.verdict.word if outcome.scan else outcome.crash,
                  usage.ru_utime + usage.ru_stime, peak >> 10]))
"""


def _overlapping(label: str, raw: bytes, count: int, method: int = 8) -> bytes:
    """An archive whose `count` members are the same bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(raw) + packer.flush() if method else raw
    sizes = struct.pack("<3L", zlib.crc32(raw), len(packed), len(raw))
    local = b"PK\3\4" + struct.pack("<5H", 20, 0, method, 0, 0) + sizes + b"\1\0\0\0a" + packed
    directory = b"".join(
        b"PK\1\2" + struct.pack("<6H", 20, 20, 0, method, 0, 0) + sizes
        + struct.pack("<5H2L", len(member), 0, 0, 0, 0, 0, 0) + member
        for member in (f"{number:05}{label}".encode() for number in range(count))
    )  # fmt: skip
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(local), 0)
    return local + directory + end


def _safetensors(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


def _npy(header: bytes) -> bytes:
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header


def _repeated(payload: bytes) -> bytes:
    load = name("torch.storage", "_load_from_bytes") + b"q\x01"
    held = b"B" + struct.pack("<I", len(payload)) + payload + b"q\x00"
    return b"\x80\x02" + held + load + b"h\x01h\x00\x85R0" * 50_000 + b"."


_NONES = b"\x80\x02" + b"N0" * 3_000_000 + b"."
_FILES = {
    "nested-tuples": b"\x80\x02N" + b"\x85" * 4_900_000 + b".",
    "nested-lists": b"\x80\x02]" + b"]a" * 2_400_000 + b".",
    "strings": b"\x80\x02]" + (b"U\x30" + b"x" * 48 + b"a") * 1_500_000 + b".",
    "long-names": b"\x80\x02" + (b"c" + b"m" * 900_000 + b"\nn\n0") * 60 + b".",
    "many-calls": b"\x80\x02" + (name("os", "system") + text("x") + b"\x85R0") * 200_000 + b".",
    "many-streams": b"N." * 9_000 + _NONES,
    "memo-of-many-streams": b"\x80\x02" + b"".join(
        b"Nr" + struct.pack("<I", number) + b"0" for number in range(300_000)
    ) + b"N." + b"N." * 9_000 + b"\x80\x02" + b"N0" * 2_500_000 + b".",
    "same-payload": _repeated(b"\x80\x02" + b"N0" * 50_000 + b"."),
    "overlapping-bomb": _overlapping(".bin", b"\0" * (32 << 20), 2000),
    "overlapping-pickles": _overlapping(".pkl", _NONES, 300),
    "overlapping-stored": _overlapping(".pkl", _NONES, 300, method=0),
    "overlapping-large": _overlapping(".bin", os.urandom(999) + b"\0" * (7 << 20), 200),
    "empty-gzips": gzip.compress(b"", mtime=0) * 500_000,
    "header-of-lists": _safetensors(b'{"a":[' + b"[]," * 3_000_000 + b"[]]}"),
    "header-of-names": _safetensors(
        b"{" + b",".join(b'"%d":0' % number for number in range(200_000)) + b',"199999":1}'
    ),
    "array-header": _npy(b"[" + b"1," * 500_000 + b"]"),
}  # fmt: skip


# Harmless, and within the budgets.
_FINISHED = {"nested-lists", "strings", "empty-gzips"}


@pytest.mark.parametrize("label", _FILES)
def test_file_is_given_up_in_time(label: str, tmp_path: Path):
    path = tmp_path / label
    path.write_bytes(_FILES[label])
    told = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)],
        cwd=_ROOT, capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    verdict, seconds, megabytes = json.loads(told.stdout)
    assert verdict in (
        ("safe",) if label in _FINISHED else ("unreadable", "unfamiliar", "dangerous")
    )
    assert seconds < _MOST_SECONDS
    assert megabytes < _MOST_MEGABYTES


def test_member_with_bytes_behind_its_data_ends():
    from sdops.checkpoint.files.source import BytesSource
    from sdops.checkpoint.formats.unpacking import inflate
    from sdops.checkpoint.formats.zip_reader import BZIP2, DEFLATED

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"a" * 3_000_000) + packer.flush()
    for method, data in ((DEFLATED, packed), (BZIP2, bz2.compress(b"a" * 3_000_000))):
        pieces = list(inflate(BytesSource(data + b"more" * 9), method))
        assert b"".join(pieces) == b"a" * 3_000_000
