from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Setting
from sdops.finding import Severity

RULE = "flag-ignored"


@pytest.mark.parametrize(
    ("name", "argument", "severity", "instead"),
    [
        ("healthy-windows-rtx4070-forge", "--medvram", Severity.WARNING, "--always-offload"),
        ("healthy-windows-rtx4070-forge", "--no-half-vae", Severity.WARNING, "--vae-in-fp32"),
        ("healthy-windows-rtx4070-forge", "--disable-nan-check", Severity.INFO, "Take"),
        ("healthy-linux-rtx3060-a1111", "--deepdanbooru", Severity.INFO, "Take"),
        ("healthy-linux-rtx3060-a1111", "--gradio-queue", Severity.INFO, "Take"),
    ],
)
def test_fires(machine, judge, launched, name, argument, severity, instead):
    (finding,) = judge(RULE, launched(machine(name), argument, argument))
    assert finding.severity is severity
    assert argument in finding.title
    assert instead in finding.remedies[0].text
    assert finding.remedies[0].remove_flags == (argument,)
    assert finding.location.line == 13


def test_a_dead_key_of_invokeai(machine, judge):
    facts = machine("healthy-linux-rtx3060-a1111")
    settings = (Setting("ram", "8", "invokeai.yaml", 4), Setting("precision", "auto", "f", 5))
    ui = replace(facts.ui, kind="invokeai", arguments=(), settings=settings)
    (finding,) = judge(RULE, replace(facts, ui=ui))
    assert finding.location.path == "invokeai.yaml"


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("healthy-linux-rtx3060-a1111", "--medvram"),
        ("healthy-linux-rtx3060-a1111", "--not-a-flag"),
        ("healthy-windows-rtx4070-forge", "--always-gpu"),
    ],
)
def test_quiet(machine, judge, launched, name, argument):
    assert not judge(RULE, launched(machine(name), argument))


def test_skips_without_a_ui(machine, judge):
    assert not judge(RULE, replace(machine("healthy-linux-rtx3060-a1111"), ui=None))
