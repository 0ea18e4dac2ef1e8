from __future__ import annotations

import pytest

from sdops.facts.types import CompanionBuild, Distribution, TorchBuild
from sdops.knowledge.companions import label_of

RULE = "companion-mismatch"
MACHINE = "healthy-windows-rtx4090-comfyui-portable"


@pytest.fixture
def with_torch(machine, with_packages, with_python):
    def make(torch, cuda, *packages, **changes):
        facts = with_packages(machine(MACHINE), torch=torch)
        assert facts.python is not None
        more = tuple(Distribution(name, version, "x") for name, version in packages)
        return with_python(
            facts,
            torch=TorchBuild("torch", torch, cuda=cuda),
            distributions=(*facts.python.distributions, *more),
            **changes,
        )

    return make


@pytest.mark.parametrize(
    ("torch", "cuda", "name", "version", "word"),
    [
        ("2.9.1+cu130", "13.0", "sageattention", "2.2.0+cu128torch2.8.0", "torch 2.8"),
        ("2.9.1+cu130", "13.0", "flash-attn", "2.8.3+cu128torch2.8.0cxx11abifalse", "torch 2.8"),
        ("2.9.1+cu130", "13.0", "nunchaku", "1.0.1+torch2.8", "torch 2.8"),
        ("2.10.0+cu130", "13.0", "natten", "0.21.0+torch280cu128", "torch 2.8"),
        ("2.9.1+cu130", "13.0", "torch-scatter", "2.1.2+pt28cu128", "torch 2.8"),
        ("2.8.0+cu128", "12.8", "sageattention", "2.2.0+cu130torch2.9.0andhigher", "torch 2.9"),
        ("2.9.1+cu130", "13.0", "sageattention", "2.2.0+cu128torch2.9.0", "CUDA 12"),
        ("2.9.1+cu130", "13.0", "thing", "1.0+cu130torch2.9.0cp310", "Python 3.10"),
        ("2.10.0+cu130", "13.0", "onnxruntime-gpu", "1.23.2", "CUDA 12"),
        ("2.8.0+cu128", "12.8", "onnxruntime-gpu", "1.31.1", "CUDA 13"),
        ("2.8.0+cu128", "12.8", "onnxruntime-gpu", "1.18.1", "CUDA 11"),
        ("2.9.1+cu130", "13.0", "bitsandbytes", "0.45.5", "CUDA 11 and 12"),
        ("2.9.1+cu130", "13.0", "triton-windows", "3.3.1.post19", "torch 2.7"),
    ],
)  # fmt: skip
def test_fires(with_torch, judge, torch, cuda, name, version, word):
    (finding,) = judge(RULE, with_torch(torch, cuda, (name, version)))
    assert name in finding.title
    assert word in finding.title
    assert finding.remedies


@pytest.mark.parametrize(
    ("torch", "cuda", "name", "version"),
    [
        ("2.8.0+cu128", "12.8", "sageattention", "2.2.0+cu128torch2.8.0"),
        ("2.9.1+cu128", "12.8", "sageattention", "2.2.0+cu128torch2.9.0andhigher.post4"),
        ("2.11.0+cu130", "13.0", "sageattention", "2.2.0+cu130torch2.9.0andhigher.post4"),
        ("2.8.0+cu126", "12.6", "flash-attn", "2.8.3+cu128torch2.8"),
        ("2.10.0+cu130", "13.0", "natten", "0.21.0+torch2100cu130"),
        ("2.9.1+cu130", "13.0", "sageattention", "1.0.6"),
        ("2.9.1+cu130", "13.0", "onnxruntime-gpu", "1.31.1"),
        ("2.8.0+cu128", "12.8", "onnxruntime-gpu", "1.23.2"),
        ("2.8.0+cu128", "12.8", "bitsandbytes", "0.45.5"),
        ("2.9.1+cu130", "13.0", "bitsandbytes", "0.49.2"),
        ("2.9.1+cu130", "13.0", "triton-windows", "3.5.1.post21"),
        ("2.9.1+cu130", "13.0", "gguf", "0.17.1+local"),
        ("2.9.1+cpu", None, "onnxruntime-gpu", "1.23.2"),
        ("2.16.0+cu140", "14.0", "triton-windows", "4.0.0"),
    ],
)
def test_quiet(with_torch, judge, torch, cuda, name, version):
    assert judge(RULE, with_torch(torch, cuda, (name, version))) == ()


def test_what_the_files_say_goes_before_the_table(with_torch, judge):
    package = ("onnxruntime-gpu", "1.23.2")
    built = (CompanionBuild("onnxruntime-gpu", ("13.0",)),)
    facts = with_torch("2.10.0+cu130", "13.0", package, companion_builds=built)
    assert judge(RULE, facts) == ()
    facts = with_torch("2.8.0+cu128", "12.8", package, companion_builds=built)
    assert "CUDA 13" in judge(RULE, facts)[0].title


def test_the_libraries_of_another_cuda_may_be_there(with_torch, judge):
    libraries = [("nvidia-cublas-cu12", "12.8.4.1"), ("nvidia-cudnn-cu12", "9.8.0")]
    facts = with_torch("2.10.0+cu130", "13.0", ("onnxruntime-gpu", "1.23.2"), *libraries)
    assert judge(RULE, facts) == ()


def test_the_remedy_names_a_build_that_fits(with_torch, judge):
    facts = with_torch("2.10.0+cu130", "13.0", ("onnxruntime-gpu", "1.23.2"))
    (finding,) = judge(RULE, facts)
    assert "onnxruntime-gpu>=1.27" in finding.remedies[0].commands[0].argv
    assert "nvidia-cublas-cu12" in finding.remedies[1].commands[0].argv


@pytest.mark.parametrize(
    ("version", "torch"),
    [
        ("1+torch2.8.0", (2, 8)), ("1+torch280", (2, 8)), ("1+torch2100", (2, 10)),
        ("1+pt28", (2, 8)), ("1+pt210", (2, 10)), ("1+torch2.10", (2, 10)), ("1+cu128", None),
        ("1", None), ("1+torchless", None),
    ],
)  # fmt: skip
def test_labels(version, torch):
    assert label_of(Distribution("x", version, "y")).torch == torch
