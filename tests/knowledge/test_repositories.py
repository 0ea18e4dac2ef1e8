from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.knowledge.repositories import clones, gone, plain_address


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Owner/Name.git",
        "https://github.com/owner/name/",
        "http://token@github.com/owner/name",
        "git@github.com:owner/name.git",
        "ssh://git@github.com/owner/name",
        "git://github.com/owner/name",
    ],
)
def test_every_form_of_an_address_is_one(url):
    assert plain_address(url) == "github.com/owner/name"


@given(st.text(max_size=60))
def test_any_text_is_an_address(url):
    assert plain_address(url) == plain_address(url).lower()


def test_every_clone_is_of_a_repository_that_is_gone():
    assert clones()
    assert all(gone(clone.address) for clone in clones())
    assert gone("https://github.com/owner/name") is None
