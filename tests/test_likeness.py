"""A suggestion is made for a slip of the fingers, and for nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.likeness import distance, nearest

NAMES = [
    "Euler",
    "Euler a",
    "Variation seed strength",
    "Clip skip",
    "--medvram",
    "--lowvram",
    "GPU",
]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Eulr", "Euler"),
        ("uEler", "Euler"),
        ("euler A", "Euler a"),
        ("Clip skp", "Clip skip"),
        ("--mdevram", "--medvram"),
        ("Variation strength", "Variation seed strength"),
        ("TPU", "GPU"),
        ("tiling", None),
        ("--highvram", None),
        ("Heun", None),
        ("x", None),
        ("", None),
    ],
)
def test_only_what_is_really_alike_is_suggested(typed, meant):
    assert nearest(typed, NAMES) == meant


@given(st.text(max_size=12), st.text(max_size=12))
def test_distance_is_a_symmetric_bound(one, other):
    found = distance(one, other)
    assert found == distance(other, one)
    assert (found == 0) == (one == other)
    assert abs(len(one) - len(other)) <= found <= max(len(one), len(other))
