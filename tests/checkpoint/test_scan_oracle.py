"""What loading a file really reaches is never worse than what the scanner says."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("torch")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdops.checkpoint.files.source import BytesSource
from sdops.checkpoint.scan.file import scan_source
from sdops.checkpoint.scan.policy import load_policy
from tests.checkpoint import corpus, fuzz
from tests.checkpoint.oracle import Oracle, must_be

_LARGEST = 300_000


@pytest.fixture(scope="module")
def oracle():
    child = Oracle()
    yield child
    child.close()


def _check(oracle: Oracle, data: bytes) -> str:
    events = oracle.events(data)
    assert events is not None
    return _compare(data, events)


def _compare(data: bytes, events: list[list[str]]) -> str:
    found = scan_source("sample", BytesSource(data), load_policy())
    least = must_be(events)
    said = fuzz.ORDER.index(found.verdict.word)
    given_up = any(problem.id == "pickle-budget" for problem in found.problems)
    harmless = given_up or fuzz.inert(events, found.container)
    assert said >= fuzz.ORDER.index(least) or harmless, events
    return least


def test_nothing_that_loading_the_corpus_reaches_is_missed(oracle):
    reached = [
        _check(oracle, sample.data) for sample in corpus.attacks() if len(sample.data) <= _LARGEST
    ]
    assert reached.count("dangerous") > 250
    assert reached.count("unfamiliar") > 60


def test_loading_good_files_reaches_nothing(oracle):
    for sample in corpus.good():
        if len(sample.data) <= _LARGEST and not sample.name.startswith("text"):
            assert _check(oracle, sample.data) == "safe", sample.name


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    return fuzz.small_samples()


@given(number=st.integers(0, 2**64))
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_mutant_is_missed(oracle, seeds, number):
    mutator = fuzz.Mutator(seeds, random.Random(number))
    try:
        data = mutator.mutant()
    except ValueError:
        return  # the archive has no such record to change
    events = oracle.events(data)
    if events is None:
        return  # what loads it died of it, and nothing is known of what it would have reached
    assert _compare(data, events) in fuzz.ORDER
