from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import DeepProbe, Gpu, KernelProbe, TorchBuild
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


OLD_CARD = Gpu(0, "nvidia", "NVIDIA GeForce GTX 1060 6GB", "nvml", compute_capability=(6, 1))


@pytest.mark.parametrize(
    ("version", "cuda", "kind", "fires"),
    [
        ("2.15.0", "13.2", "venv", True),
        ("2.15.0+cu132", "13.2", "venv", True),
        ("2.11.0+cu128", "12.8", "venv", True),
        ("2.15.0", "13.0", "venv", False),  # no build of PyTorch's own
        ("2.15.0", "13.2", "conda", False),
        ("2.9.0a0+50eac811a6.nv25.09", "13.0", "system", False),
        ("2.16.0.dev20261101+cu132", "13.2", "venv", False),
        ("2.14.1+cu126", "12.6", "venv", False),
    ],
)
def test_only_builds_of_which_the_list_is_known(
    machine, judge, with_python, version, cuda, kind, fires
):
    facts = with_python(
        machine("healthy-linux-rtx3060-a1111"),
        torch=TorchBuild("torch", version, cuda=cuda),
        kind=kind,
    )
    found = judge("torch-lacks-architecture", replace(facts, gpus=(OLD_CARD,)))
    assert bool(found) == fires
    if fires:
        assert "cu126" in found[0].remedies[0].text
        assert "2.15" not in found[0].remedies[0].text


def test_the_fastest_card_is_the_one_that_counts(machine, judge, with_python):
    facts = with_python(
        machine("healthy-linux-rtx3060-a1111"),
        torch=TorchBuild("torch", "2.6.0+cu126", cuda="12.6"),
    )
    slow = Gpu(0, "nvidia", "NVIDIA GeForce GTX 1660", "nvml", compute_capability=(7, 5))
    fast = Gpu(1, "nvidia", "NVIDIA GeForce RTX 5090", "nvml", compute_capability=(12, 0))
    both = replace(facts, gpus=(slow, fast))
    (finding,) = judge("torch-lacks-architecture", both)
    assert finding.severity is Severity.ERROR
    host = replace(both.host, environment={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    (finding,) = judge("torch-lacks-architecture", replace(both, host=host))
    assert finding.severity is Severity.WARNING
