from __future__ import annotations

from sdops.facts.types import TorchBuild, XformersBuild
from sdops.finding import Severity

BUILD = XformersBuild("0.0.31", "2.7.1+cu126", "12.6", architectures=("7.5", "8.0+PTX", "9.0a"))
TORCH = TorchBuild("torch", "2.7.1+cu126", cuda="12.6")


def test_volta(machine, judge, with_python, with_gpu):
    facts = with_python(machine("healthy-linux-rtx5090-comfyui"), torch=TORCH, xformers=BUILD)
    facts = with_gpu(facts, name="Tesla V100", compute_capability=(7, 0))
    (finding,) = judge("xformers-lacks-architecture", facts)
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].commands[0].argv[-1] == "xformers"


def test_only_a_warning_where_nothing_uses_it(machine, judge, with_python, with_gpu, launched):
    facts = with_python(machine("healthy-linux-rtx3060-a1111"), torch=TORCH, xformers=BUILD)
    facts = with_gpu(facts, compute_capability=(6, 1))
    (finding,) = judge("xformers-lacks-architecture", launched(facts))
    assert finding.severity is Severity.WARNING


def test_quiet(machine, judge, with_python):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge("xformers-lacks-architecture", facts)
    fits = with_python(facts, torch=TORCH, xformers=BUILD)
    assert not judge("xformers-lacks-architecture", fits)


def test_quiet_where_it_does_not_fit_at_all(machine, judge, with_gpu):
    facts = with_gpu(machine("rtx3080-windows-xformers-mismatch"), compute_capability=(3, 5))
    assert not judge("xformers-lacks-architecture", facts)
