"""Text of every program is read: with marks and without, in every encoding that Windows writes."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdops.text import decode, is_text

pytestmark = pytest.mark.windows
TEXT = "# Modèles\nlora – ünïcode.safetensors\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
    ],
    ids=["utf8", "utf8-mark", "utf16", "utf16-be", "utf32", "le-unmarked", "be-unmarked", "ansi"],
)
def test_text_is_read_in_every_encoding(raw: bytes) -> None:
    assert decode(raw) == TEXT
    assert is_text(raw)


@given(st.text())
def test_what_is_utf8_is_never_taken_for_something_else(text: str) -> None:
    if "\0" not in text:
        assert (
            decode(text.encode("utf-8-sig", "replace")) == text.encode("utf-8", "replace").decode()
        )


def test_utf8_that_was_cut_off_within_a_sign_is_still_utf8() -> None:
    assert decode("größe größe é".encode()[:-1]) == "größe größe "


@given(st.binary(max_size=200))
def test_any_bytes_decode(raw: bytes) -> None:
    assert isinstance(decode(raw), str)


def test_a_model_is_not_text() -> None:
    assert not is_text(b"\x80\x02}q\x00(X\x05\x00\x00\x00model")
    assert not is_text(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
