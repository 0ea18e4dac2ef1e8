"""Infotext as A1111 writes and reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sdops.dialect.infotext import Infotext, parse, quote, unquote
from sdops.dialect.metadata.texts import read_texts
from sdops.dialect.pictures import save

TEXT = """a photo, (best:1.2)
second line
Negative prompt: bad, worse
still negative
Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 965400086, Size: 512x768, \
Lora hashes: "a: 1, b: 2", Version: v1.10.1"""


def infotext_in(path):
    named = read_texts(path).named
    return named.get("parameters", named.get("UserComment"))


def test_parse():
    parsed = parse(TEXT)
    assert parsed.prompt == "a photo, (best:1.2)\nsecond line"
    assert parsed.negative == "bad, worse\nstill negative"
    assert parsed.parameters == {
        "Steps": "20", "Sampler": "Euler a", "Schedule type": "Karras", "CFG scale": "7",
        "Seed": "965400086", "Size": "512x768", "Lora hashes": "a: 1, b: 2", "Version": "v1.10.1",
    }  # fmt: skip


def test_write():
    parameters = {"Steps": 20, "Model": None, "Size": "512x768", "Tiling": "Tiling", "X": 'a, "b"'}
    text = str(Infotext("p", "", parameters))
    assert text == 'p\nSteps: 20, Size: 512x768, Tiling, X: "a, \\"b\\""'
    assert str(Infotext("", "", {"CFG scale": 7.0, "Eta": 0.25})) == "CFG scale: 7, Eta: 0.25"
    assert str(Infotext("", "n", {"Steps": 1})) == "Negative prompt: n\nSteps: 1"


def test_few_parameters_are_part_of_the_prompt():
    assert parse("x\nSteps: 1, Seed: 2").prompt == "x\nSteps: 1, Seed: 2"
    assert parse("x\nSteps: 1, Seed: 2, Size: 8x8").prompt == "x"


def test_what_is_quoted():
    assert [quote(text) for text in ("a b", "a: b", "a, b", "a\nb")] == [
        "a b", '"a: b"', '"a, b"', '"a\\nb"',
    ]  # fmt: skip


def test_older_names_of_samplers():
    old = parse("x\nSteps: 1, Sampler: DPM++ 2M SDE Karras, Seed: 2").parameters
    assert old["Sampler"] == "DPM++ 2M SDE"
    assert old["Schedule type"] == "Karras"
    new = parse("x\nSteps: 1, Sampler: Euler a, Schedule type: Simple, Seed: 2").parameters
    assert new["Schedule type"] == "Simple"


@given(st.text(max_size=40))
def test_any_value_comes_back(value):
    assert unquote(quote(value)) == value


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
@pytest.mark.parametrize("text", [TEXT, "emoji 😀 猫 é", "latin é"])
def test_pictures_carry_it(ending, text, tmp_path):
    path = tmp_path / f"picture.{ending}"
    save(Image.new("RGB", (8, 8)), path, text)
    assert infotext_in(path) == text


def test_a_picture_without(tmp_path):
    path = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(path)
    assert infotext_in(path) is None
