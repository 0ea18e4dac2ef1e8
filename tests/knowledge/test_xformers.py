"""xformers: exact pins before the stable ABI, any newer torch after it."""

import pytest

from sdops.knowledge import xformers


@pytest.mark.parametrize(
    ("version", "torch", "expected"),
    [
        ("0.0.23.post1", "2.1.2+cu121", True),
        ("0.0.23.post1", "2.1.1", False),
        ("0.0.35", "2.13.0+cpu", True),
        ("0.0.35", "2.9.1", False),
        ("0.0.34", "2.11.0", True),
    ],
)
def test_works_with(version, torch, expected):
    assert xformers.release(version).works_with(torch) is expected


def test_the_newest_that_fits():
    assert xformers.for_torch("2.1.2", "cu121", "linux").xformers == "0.0.23.post1"
    assert xformers.for_torch("2.13.0", "cu126", "windows").xformers == "0.0.35"
    assert xformers.for_torch("2.13.0", "cpu", "linux") is None
    assert xformers.for_torch("2.4.1", "cu121", "windows") is None


def test_thresholds():
    assert xformers.has_stable_abi("0.0.35+cu128")
    assert not xformers.has_stable_abi("0.0.33.post2")
    assert xformers.serves_any_python("0.0.31.post1")
    assert not xformers.serves_any_python("0.0.30")
    assert xformers.kernels_of("0.0.30") is None
    assert "7.5" in xformers.kernels_of("0.0.32.post2")


def test_every_row_has_a_source():
    assert all(row.source for row in xformers.releases())
