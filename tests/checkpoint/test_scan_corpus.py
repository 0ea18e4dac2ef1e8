"""The scanner calls every attack by its name and no good file bad."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from importlib import import_module

from sdops.checkpoint import formats
from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import load_policy
from tests.checkpoint import corpus
from tests.checkpoint.corpus import denial
from tests.checkpoint.corpus.sample import Sample

_ORDER = ("safe", "not-judged", "suspicious", "unreadable", "unfamiliar", "dangerous")
_NO_MODELS = ("text", "html", "empty", "lfs-pointer")
ATTACKS = list(corpus.attacks())
GOOD = [*corpus.good(), *denial.harmless()]


def _scan(sample: Sample):
    return scan_source(f"model{sample.suffix}", BytesSource(sample.data), load_policy())


@pytest.mark.parametrize("sample", ATTACKS + GOOD, ids=lambda sample: sample.name)
def test_every_format_that_knows_a_file_is_asked(sample: Sample):
    source = BytesSource(sample.data)
    head = source.read(0, formats.HEAD_BYTES)
    for known in formats.FORMATS:
        module = import_module(f"{formats.__name__}.{known.name}")
        assert known.recognize(head, source) == module.recognize(head, source)


def test_names_are_unique():
    names = [sample.name for sample in ATTACKS + GOOD]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("sample", ATTACKS, ids=lambda sample: sample.name)
def test_attack_is_found(sample: Sample):
    found = _scan(sample)
    assert _ORDER.index(found.verdict.word) >= _ORDER.index(sample.verdict), found


@pytest.mark.parametrize("sample", GOOD, ids=lambda sample: sample.name)
def test_good_file_is_safe(sample: Sample):
    found = _scan(sample)
    expected = "not-judged" if found.container in _NO_MODELS else "safe"
    assert found.verdict.word == expected, (found.judgments[:3], found.problems[:3])
