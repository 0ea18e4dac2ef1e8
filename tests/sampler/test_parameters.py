"""The table of settings: written and read without loss, and every one reaches the picture."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdops.dialect.infotext import parse
from sdops.dialect.infotext import settings as read
from sdops.dialect.kinds import Choice, Number, Seed, Size, write
from sdops.dialect.parameters import (
    BASICS,
    BY_NAME,
    DETAILS,
    SAMPLER,
    SCHEDULER,
    applied,
    parameter,
)
from sdops.dialect.request import Request
from sdops.dialect.samplers import SAMPLERS, SCHEDULERS
from sdops.errors import UsageError
from sdops.sampler.pipeline import Pipeline

from .oracles import random_pipeline

ROWS = (*BASICS, *DETAILS)


def values(kind) -> st.SearchStrategy[str]:
    """Texts that a setting may have."""
    if kind is SAMPLER:
        return st.sampled_from([known.label for known in SAMPLERS])
    if kind is SCHEDULER:
        return st.sampled_from([known.label for known in SCHEDULERS])
    if isinstance(kind, Choice):
        return st.sampled_from(list(kind.things))
    if isinstance(kind, Size):
        side = st.integers(kind.low // 8, 200).map(lambda number: number * 8)
        return st.tuples(side, side).map(kind.write)
    if isinstance(kind, Seed):
        return st.integers(0, kind.count - 1).map(str)
    if isinstance(kind, Number):
        if kind.type is int:
            return st.integers(int(kind.low), int(kind.high)).map(str)
        high = None if kind.high == math.inf else kind.high
        return st.floats(kind.low, high, allow_nan=False, allow_infinity=False).map(write)
    return st.text(max_size=30)


DRAWN = st.fixed_dictionaries({}, optional={row.name: values(row.kind) for row in ROWS})


@given(DRAWN)
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_again(asked):
    first = applied(Request("a cat", "dog"), asked)
    text = first.infotext()
    again = parse(str(text))
    assert (again.prompt, again.negative) == ("a cat", "dog")
    said = {name: value for name, value in again.parameters.items() if name in BY_NAME}
    second = applied(Request("a cat", "dog"), said)
    assert str(second.infotext()) == str(text)
    for row in ROWS:
        if row.resolve is None and text.parameters[row.name] is not None:
            assert row.of(second) == row.of(first), row.name


def test_settings_are_written_as_in_infotext():
    assert read('Clip skip: 2, ENSD:31337 , Hires prompt: "a, b: c"') == {
        "Clip skip": "2", "ENSD": "31337", "Hires prompt": "a, b: c",
    }  # fmt: skip
    for text in ("", "Clip skip", "Clip skip=2", ", ,"):
        with pytest.raises(UsageError, match="is not written as settings are") as caught:
            read(text)
        assert "Clip skip: 2" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("Clip skip", "two", "Clip skip cannot be 'two'. Give it a whole number from 1 to 32."),
        ("clip SKIP", "0", "from 1 to 32"),
        ("Clip skip", "1.5", "a whole number"),
        ("CFG scale", "nan", "a number from 0 to 100"),
        ("Size", "512", "as in 512x768, each 64 to 8192 and a multiple of 8"),
        ("Size", "512x513", "a multiple of 8"),
        ("Size", "9" * 5000 + "x8", "64 to 8192"),
        ("Sampler", "Eulr a", "Did you mean 'Euler a'?"),
        ("RNG", "TPU", "Did you mean"),
        ("Pad conds", "perhaps", "Use one of: True, False."),
        ("Variation strength", "1", "Did you mean 'Variation seed strength'?"),
    ],
)
def test_what_cannot_be_is_said(name, text, said):
    with pytest.raises(UsageError) as caught:
        applied(Request(), {name: text})
    assert said in f"{caught.value.message} {caught.value.hint}"


LARGER = {"Hires upscale": "1.5"}
KARRAS = {"Schedule type": "Karras"}
CHURNED = {"Sampler": "Euler", "Sigma churn": "5"}
REACHES = [
    ({"Steps": "6"}, {}), ({"Sampler": "Heun"}, {}), (KARRAS, {}), ({"CFG scale": "3"}, {}),
    ({"Seed": "7"}, {}), ({"Size": "72x64"}, {}),
    ({"Variation seed": "9"}, {"Variation seed strength": "0.2"}),
    ({"Variation seed strength": "0.2"}, {}), ({"Seed resize from": "128x128"}, {}),
    ({"Clip skip": "2"}, {}), ({"ENSD": "31337"}, {}), ({"RNG": "NV"}, {}), (LARGER, {}),
    ({"Denoising strength": "0.3"}, LARGER), ({"Hires sampler": "Heun"}, LARGER),
    ({"Hires schedule type": "Karras"}, LARGER), ({"Hires resize": "0x128"}, LARGER),
    ({"Hires steps": "9"}, LARGER), ({"Hires upscaler": "Lanczos"}, LARGER),
    ({"Hires prompt": "dog"}, LARGER), ({"Hires negative prompt": "dog"}, LARGER),
    ({"Old prompt editing timelines": "True"}, LARGER),
    ({"Eta": "0.3"}, {}), ({"Eta DDIM": "0.3"}, {"Sampler": "DDIM"}),
    ({"Sigma churn": "5"}, {"Sampler": "Euler"}), ({"Sigma tmin": "3"}, CHURNED),
    ({"Sigma tmax": "3"}, CHURNED), ({"Sigma noise": "1.1"}, CHURNED),
    ({"Schedule max sigma": "10"}, KARRAS), ({"Schedule min sigma": "0.1"}, KARRAS),
    ({"Schedule rho": "5"}, KARRAS), ({"Discard penultimate sigma": "True"}, {}),
    ({"SGM noise multiplier": "True"}, {}), ({"Enable quantization": "True"}, KARRAS),
    ({"Emphasis": "No norm"}, {}), ({"Pad conds": "True"}, {}),
    ({"Noise Schedule": "Zero Terminal SNR"}, {}), ({"Prediction type": "v"}, {}),
    ({"Batch size": "2"}, {}), ({"Prompt": "x"}, {}), ({"Negative prompt": "x"}, {}),
]  # fmt: skip
OTHER_MODELS = {"Clip skip SDXL", "Image CFG scale", "Mask blur"}
"""SDXL is seen below, the other two in tests/bench/test_like.py."""
PLAIN = Request(
    "a (cat:1.3) [dog:bird:0.5] in the rain", "x " * 80, 64, 64, seed=1, rng="CPU",
    sampling=replace(Request().sampling, steps=4),
)  # fmt: skip


@cache
def tiny(name: str = "tiny-sd15") -> Pipeline:
    return random_pipeline(name)


@cache
def latents(settings: frozenset[tuple[str, str]], name: str = "tiny-sd15") -> torch.Tensor:
    return tiny(name).sample(applied(PLAIN, dict(settings)))


def differ(one: dict[str, str], other: dict[str, str], name: str = "tiny-sd15") -> bool:
    a, b = (latents(frozenset(settings.items()), name) for settings in (one, other))
    return a.shape != b.shape or not torch.equal(a, b)


@pytest.mark.parametrize(("change", "base"), REACHES, ids=lambda value: ",".join(value))
def test_every_setting_reaches_the_picture(change, base):
    assert differ(base, base | change)


def test_no_setting_is_forgotten():
    assert {name for change, _ in REACHES for name in change} | OTHER_MODELS == set(BY_NAME)


@pytest.mark.parametrize(
    ("change", "base"),
    [
        ({"ENSD": "31337"}, {"Sampler": "Euler"}),
        ({"Eta": "0.3"}, {"Sampler": "Euler"}),
        ({"Sigma churn": "5"}, {}),
        ({"Variation seed": "9"}, {}),
        ({"Clip skip SDXL": "True"}, {}),
    ],
)
def test_what_does_not_heed_a_setting_ignores_it(change, base):
    assert not differ(base, base | change)
    name = next(iter(change))
    written = applied(PLAIN, base | change).infotext().parameters[name]
    assert name == "Clip skip SDXL" or name == "Sigma churn" or written is None


def test_clip_skip_of_sdxl():
    skip = {"Clip skip": "1"}
    assert differ(skip, skip | {"Clip skip SDXL": "True"}, "tiny-sdxl")


def test_lcm_takes_every_schedule_over_its_own_levels():
    for known in SCHEDULERS:
        assert (
            latents(frozenset({"Sampler": "LCM", "Schedule type": known.label}.items()))
            .isfinite()
            .all()
        )


@pytest.mark.parametrize(
    "settings",
    [
        KARRAS | {"Schedule min sigma": "20"},
        {"Schedule type": "SGM Uniform", "Schedule max sigma": "0.01"},
        KARRAS | {"Schedule rho": "0.1", "Schedule max sigma": "10000"},
    ],
)
def test_levels_that_do_not_fall_are_refused(settings):
    with pytest.raises(UsageError, match="do not fall"):
        latents(frozenset(settings.items()))


def test_axes_and_settings_go_by_the_same_names():
    assert parameter("hires UPSCALER").name == "Hires upscaler"
