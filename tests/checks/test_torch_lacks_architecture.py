from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import DeepProbe, KernelProbe, TorchBuild
from sdops.finding import Severity


@pytest.mark.parametrize(
    ("name", "torch", "index"),
    [
        ("rtx5090-windows-a1111-cu121", "torch==2.7.0", "cu128"),
        ("gtx1060-linux-comfyui-cu130", "torch==2.11.0", "cu126"),
    ],
)
def test_too_new_and_too_old(machine, judge, name, torch, index):
    (finding,) = judge("torch-lacks-architecture", machine(name))
    assert finding.severity is Severity.ERROR
    argv = finding.remedies[0].commands[0].argv
    assert torch in argv
    assert argv[-1] == f"https://download.pytorch.org/whl/{index}"


def test_one_card_of_two(machine, judge):
    (finding,) = judge("torch-lacks-architecture", machine("two-gpus-rtx5070-gtx1060"))
    assert finding.severity is Severity.WARNING
    assert "GTX 1060" in finding.title
    assert not finding.remedies[0].commands


def test_polaris_has_no_build(machine, judge):
    (finding,) = judge("torch-lacks-architecture", machine("rx580-linux-a1111-rocm"))
    refusal, processor = finding.remedies
    assert "ROCm" in refusal.text
    assert "https://download.pytorch.org/whl/cpu" in processor.commands[0].argv


def test_what_torch_itself_says_counts_most(machine, judge):
    facts = machine("healthy-linux-rtx5090-comfyui")
    own = DeepProbe(arch_list=("sm_80", "sm_90"))
    (finding,) = judge("torch-lacks-architecture", replace(facts, deep=own))
    assert finding.evidence["built_for"] == ["sm_80", "sm_90"]
    good = DeepProbe(arch_list=("sm_80", "sm_120"))
    assert not judge("torch-lacks-architecture", replace(facts, deep=good))


@pytest.mark.parametrize(
    "name",
    [
        "healthy-linux-rtx5090-comfyui",
        "gtx1060-windows-a1111",
        "rx6700xt-linux-comfyui-no-override",
        "healthy-linux-rx6800-comfyui",
    ],
)
def test_quiet(machine, judge, name):
    assert not judge("torch-lacks-architecture", machine(name))


@pytest.mark.parametrize("version", ["2.99.0+cu150", "2.6.0a0+ecf3bae40a.nv25.01", "not a version"])
def test_unknown_builds_are_not_judged(machine, judge, with_python, version):
    unknown = TorchBuild("torch", version, cuda="15.0")
    facts = with_python(machine("healthy-linux-rtx5090-comfyui"), torch=unknown)
    assert not judge("torch-lacks-architecture", facts)


def test_quiet_where_torch_was_seen_to_compute(machine, judge):
    facts = machine("gtx1060-linux-comfyui-cu130")
    kernels = (KernelProbe("cuda:0", "matmul", "float32", True),)
    assert not judge("torch-lacks-architecture", replace(facts, deep=DeepProbe(kernels=kernels)))
    on_cpu = (KernelProbe("cpu", "matmul", "float32", True),)
    assert judge("torch-lacks-architecture", replace(facts, deep=DeepProbe(kernels=on_cpu)))
