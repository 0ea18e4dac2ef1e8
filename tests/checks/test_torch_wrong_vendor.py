from __future__ import annotations

import pytest

from sdops.facts.types import TorchBuild
from sdops.finding import Severity


@pytest.mark.parametrize(
    ("name", "build"),
    [("rtx3080-linux-rocm-torch", "cu"), ("arc-a770-linux-comfyui-cuda-torch", "xpu")],
)
def test_fires(machine, judge, name, build):
    (finding,) = judge("torch-wrong-vendor", machine(name))
    assert finding.severity is Severity.ERROR
    assert finding.evidence["fitting_build"].startswith(build)


def test_cuda_torch_on_amd_under_linux(machine, judge, with_python):
    cuda = TorchBuild("torch", "2.8.0+cu128", cuda="12.8")
    facts = with_python(machine("healthy-linux-rx6800-comfyui"), torch=cuda)
    (finding,) = judge("torch-wrong-vendor", facts)
    assert finding.evidence["fitting_build"].startswith("rocm")


@pytest.mark.parametrize(
    "name",
    ["healthy-linux-rx6800-comfyui", "healthy-windows-arc-a770-comfyui", "rtx4090-linux-masked"],
)
def test_quiet(machine, judge, name):
    assert not judge("torch-wrong-vendor", machine(name))


def test_quiet_with_zluda(machine, judge, with_python, launched):
    cuda = TorchBuild("torch", "2.7.1+cu118", cuda="11.8")
    facts = with_python(machine("healthy-linux-rx6800-comfyui"), torch=cuda)
    assert not judge("torch-wrong-vendor", launched(facts, "--directml"))
