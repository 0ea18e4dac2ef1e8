"""Whole logs: healthy ones, every wrapping and encoding, rubbish, very long ones."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.explain.report import Known, explain, read_log, report
from sdops.finding import ExitCode
from sdops.knowledge.signatures import signatures
from tests.explain.reading import causes, everything, read, unknown
from tests.explain.wrappings import BYTES, PAUSES, TEXT

HEALTHY = sorted((Path(__file__).parent / "healthy").glob("*.log"))
FAILING = [item for item in signatures() if item.severity != "harmless"]


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_a_healthy_log_has_no_error(path):
    content = path.read_bytes()
    read_as = read(content)
    assert report([read_as], Known(), time.monotonic()).exit_code is ExitCode.OK
    assert read_as.diagnosis.harmless, "what would frighten a user is said to be harmless"
    assert unknown(content) == []


@pytest.mark.parametrize("wrapping", [*TEXT, *BYTES])
def test_a_log_says_the_same_in_every_wrapping(wrapping):
    wrap = {**TEXT, **BYTES}[wrapping]
    changed = {
        item.id: found
        for item in FAILING
        for hit in item.hit
        if (found := causes(wrap(hit))) != causes(hit)
    }
    assert changed == {}


@pytest.mark.parametrize("page", PAUSES)
def test_a_log_says_the_same_in_every_code_page(page):
    changed = {}
    for item in FAILING:
        hit = item.hit[0].encode(page, "replace").decode(page)
        log = f"{hit}\r\n{PAUSES[page]}\r\n".encode(page)
        if causes(log) != causes(hit):
            changed[item.id] = causes(log)
    assert changed == {}


@given(st.text(max_size=3000))
def test_no_text_is_too_strange(text):
    assert isinstance(causes(text), list)


@given(st.binary(max_size=6000))
def test_no_bytes_are_too_strange(content):
    assert isinstance(everything(content), set)


PARTS = ["Traceback (most recent call last):\n", '  File "a.py", line 1, in f\n', "    x()\n", "\n",
         "ValueError: x\n", "RuntimeError:\n", "│ ", "\r", "\x1b[31m", "> ", "```\n", "## Stack Trace\n",
         "- **Exception Message:** x\n", "- **Exception Type:** y\n", "Collecting x\n", "* ", "{", "\\n",
         "During handling of the above exception, another exception occurred:\n", "CUDA out of memory"]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=60))
def test_no_mixture_of_parts_is_too_strange(parts):
    assert isinstance(everything("".join(parts)), set)


HOSTILE = {
    "spaces": " " * 200_000,
    "one-word": "a" * 500_000,
    "dots": "a." * 200_000 + "Error",
    "quotes": 'File "' * 50_000,
    "bars": "100%|" * 50_000,
    "stamps": "2025-01-01 " * 50_000,
    "phrase": "CUDA out of memory. Tried to allocate 2 " * 20_000,
    "slashes": "\\" * 300_000,
    "carriage-returns": "\r" * 300_000,
    "newlines": "\n" * 300_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_no_line_takes_for_ever(name):
    assert isinstance(causes(HOSTILE[name]), list)
    assert isinstance(causes(f"Traceback (most recent call last):\n{HOSTILE[name]}"), list)


def test_a_very_long_log_is_read_from_end_to_end(tmp_path):
    filler = "got prompt\nRequested to load SDXL\nPrompt executed in 3.1 seconds\n" * 60_000
    failure = (
        "Traceback (most recent call last):\n"
        '  File "/w/ComfyUI/execution.py", line 3, in execute\n    x()\n'
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
    )
    path = tmp_path / "long.log"
    path.write_text(filler + filler + failure + filler + filler, encoding="utf-8")
    found = explain("long.log", read_log(str(path)), Known(), every_run=False)
    assert found.left_out_bytes > 0
    (cause,) = found.diagnosis.causes
    assert cause.failure.signature.id == "cuda-out-of-memory"
    assert cause.failure.line == 2 * filler.count("\n") + 4


def test_rubbish_is_no_failure():
    assert causes(random.Random(1).randbytes(300_000)) == []
