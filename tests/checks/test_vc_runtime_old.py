from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import DeepProbe, Gap, ImportProbe, TorchBuild

RULE = "vc-runtime-old"


@pytest.fixture
def windows(machine, with_host, with_python):
    def make(torch, runtime):
        facts = with_host(machine("healthy-windows-rtx4090-comfyui-portable"), vc_runtime=runtime)
        return with_python(facts, torch=TorchBuild("torch", torch, cuda="13.0"))

    return make


@pytest.mark.parametrize(
    ("torch", "runtime"),
    [("2.9.1+cu130", "14.29.30133.0"), ("2.15.0+cu130", "14.38.33135.0"), ("2.7.1+cu128", None),
     ("2.5.1+cu121", "14.16.27033.0")],
)  # fmt: skip
def test_fires(windows, judge, torch, runtime):
    (finding,) = judge(RULE, windows(torch, runtime))
    assert "Visual C++" in finding.title
    assert "vc_redist.x64.exe" in finding.remedies[0].text


@pytest.mark.parametrize(
    ("torch", "runtime"),
    [("2.9.1+cu130", "14.44.35211.0"), ("2.7.1+cu128", "14.29.30133.0"), ("2.9.1", "odd"),
     ("2.16.0.dev20261101+cu132", "14.44.1")],
)  # fmt: skip
def test_quiet(windows, judge, torch, runtime):
    assert judge(RULE, windows(torch, runtime)) == ()


def test_what_torch_does_counts_more(windows, judge):
    facts = windows("2.9.1+cu130", "14.29.30133.0")
    deep = DeepProbe(imports=(ImportProbe("torch", ok=True),))
    assert judge(RULE, replace(facts, deep=deep)) == ()
    gap = Gap("host.vc_runtime", "the registry may not be read")
    assert judge(RULE, replace(windows("2.9.1+cu130", None), gaps=(gap,))) == ()


def test_other_systems_have_none(machine, judge):
    assert judge(RULE, machine("healthy-linux-rtx5090-comfyui")) == ()
