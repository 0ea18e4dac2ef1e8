from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.finding import Severity

NAME = "HSA_OVERRIDE_GFX_VERSION"


def test_a_model_that_needs_it_gets_the_value(machine, judge):
    (finding,) = judge("hsa-override", machine("rx6700xt-linux-comfyui-no-override"))
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].commands[0].line == f"export {NAME}=10.3.0"


@pytest.mark.parametrize("value", ["10.3.0", "banana", "10.3", "9.0.0"])
def test_another_familys_value_is_wrong(machine, judge, with_host, value):
    facts = with_host(machine("rx7900xtx-linux-wrong-override"), environment={NAME: value})
    (finding,) = judge("hsa-override", facts)
    assert finding.severity is Severity.ERROR
    assert "gfx1100" in finding.why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rx6700xt-linux-comfyui-no-override", "10.3.0"),
        ("healthy-linux-rx6800-comfyui", "10.3.0"),
        ("rx7900xtx-linux-wrong-override", "11.0.0"),
        ("rx7900xtx-linux-wrong-override", ""),
    ],
)
def test_quiet_with_the_right_value(machine, judge, with_host, name, value):
    assert not judge("hsa-override", with_host(machine(name), environment={NAME: value}))


def test_a1111s_start_script_sets_it_itself(machine, judge):
    facts = machine("rx6700xt-linux-comfyui-no-override")
    assert not judge("hsa-override", replace(facts, ui=replace(facts.ui, kind="a1111")))


def test_it_has_no_effect_without_amd_or_on_windows(machine, judge, with_host):
    for name in ("healthy-linux-rtx3060-a1111", "rx6800-windows-a1111-upstream"):
        facts = with_host(machine(name), environment={NAME: "10.3.0"})
        (finding,) = judge("hsa-override", facts)
        assert finding.severity is Severity.INFO


def test_quiet_with_a_cpu_build(machine, judge):
    facts = machine("rx6700xt-linux-comfyui-no-override")
    torch = replace(facts.python.torch, version="2.8.0+cpu", hip=None)
    assert not judge("hsa-override", replace(facts, python=replace(facts.python, torch=torch)))
