"""The axes of contact sheets, as users know them from A1111."""

from __future__ import annotations

import pytest
from PIL import Image

from sdops.bench.grid import axes, cells, contact_sheet, floats, integers
from sdops.dialect.request import Request
from sdops.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20", ["20"]),
        ("1-5", ["1", "2", "3", "4", "5"]),
        ("3-1", ["3", "2", "1"]),
        ("1-10 [5]", ["1", "3", "5", "7", "10"]),
        ("10-30 (+10)", ["10", "20", "30"]),
        ("10-35 (+10)", ["10", "20", "30"]),
        ("10-5 (-3)", ["10", "7"]),
        ("5, 7-8,1-3[2]", ["5", "7", "8", "1", "3"]),
        ("-2-2 (+2)", ["-2", "0", "2"]),
        ("18446744073709551000", ["18446744073709551000"]),
        ("1234567890-1234567892", ["1234567890", "1234567891", "1234567892"]),
    ],
)
def test_ranges_of_whole_numbers(text, expected):
    assert integers(text) == expected


def test_ranges_of_numbers():
    assert floats("1-2 [5]") == ["1", "1.25", "1.5", "1.75", "2"]
    assert floats("0.5-1 (+0.1)") == ["0.5", "0.6", "0.7", "0.8", "0.9", "1"]
    assert floats("14.614643, 1-2 [4], 100-300 [2]") == [
        "14.614643", "1", "1.333333", "1.666667", "2", "100", "300",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["ten", "1-", "1-10 (+0)", "1-10 (-1)", "1-9 [0]", "1-9 [1000]"])
def test_nonsense_is_refused(text):
    with pytest.raises(UsageError):
        floats(text)


def test_axes_take_names_of_things_that_exist():
    x, y = axes("sampler, steps", "euler A,k_dpmpp_2m", "10-30 (+10)")
    assert x.values == ("Euler a", "DPM++ 2M")
    assert y.values == ("10", "20", "30")
    for names, values in (("sampler", None), ("sampler,colour", None), ("sampler,steps", "Eulr")):
        with pytest.raises(UsageError):
            axes(names, values, None)
    with pytest.raises(UsageError, match="Steps cannot be"):
        axes("steps,seed", "0", None)


def test_any_setting_of_infotext_can_be_an_axis():
    x, y = axes("clip SKIP,Emphasis", "1-3", None)
    assert (x.name, x.values) == ("clip skip", ("1", "2", "3"))
    assert y.values == ("Original", "No norm", "Ignore", "None")
    assert y.at(x.at(Request(), "2"), "Ignore").prompt_options.clip_skip == 2
    size, eta = axes("Size,Eta", "64x128, 512x512", "0-1 [3]")
    assert (size.values, eta.values) == (("64x128", "512x512"), ("0", "0.5", "1"))
    for names, values in (("Eta,seed", None), ("Prompt,seed", "a"), ("Clip skip,seed", "0")):
        with pytest.raises(UsageError):
            axes(names, values, None)


def test_pictures_of_any_size_have_a_place_of_their_own():
    x, y = axes("Size,seed", "64x64, 128x96, 64x64", "1-2")
    places = list(cells(Request(), x, y))
    assert [(p.width, p.height, p.seed) for p in places[:4]] == [
        (64, 64, 1), (128, 96, 1), (64, 64, 1), (64, 64, 2),
    ]  # fmt: skip
    colors = [(10 * number, 0, 255) for number in range(1, 7)]
    pictures = [
        Image.new("RGB", (p.width, p.height), color)
        for p, color in zip(places, colors, strict=True)
    ]
    counts = {color: count for count, color in contact_sheet(pictures, x, y).getcolors(1 << 16)}
    assert [counts[color] for color in colors] == [p.width * p.height for p in pictures]
