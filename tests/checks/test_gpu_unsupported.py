from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Gpu, TorchBuild
from sdops.finding import Severity

CPU = TorchBuild("torch", "2.8.0+cpu")


@pytest.mark.parametrize(
    ("card", "word"),
    [
        (Gpu(0, "nvidia", "GeForce GTX 780", "nvml", compute_capability=(3, 5)), "Kepler"),
        (Gpu(0, "amd", "AMD Radeon RX 580", "kfd", gfx="gfx803"), "ROCm"),
    ],
)
def test_fires(machine, judge, with_python, card, word):
    facts = with_python(machine("healthy-linux-rtx5090-comfyui"), torch=CPU)
    (finding,) = judge("gpu-unsupported", replace(facts, gpus=(card,)))
    assert finding.severity is Severity.ERROR
    assert word in finding.why


def test_amd_on_windows(machine, judge, with_python):
    facts = with_python(machine("healthy-windows-rtx4090-comfyui-portable"), torch=CPU)
    old = Gpu(0, "amd", "AMD Radeon RX 5700 XT", "cim")
    (finding,) = judge("gpu-unsupported", replace(facts, gpus=(old,)))
    assert "Neither PyTorch nor AMD" in finding.why
    served = Gpu(0, "amd", "AMD Radeon RX 7900 XTX", "cim")
    assert not judge("gpu-unsupported", replace(facts, gpus=(served,)))
    cuda = machine("healthy-windows-rtx4090-comfyui-portable")
    (finding,) = judge("torch-wrong-vendor", replace(cuda, gpus=(served,)))
    assert "stable.repo.amd.com" in finding.remedies[0].commands[0].line


@pytest.mark.parametrize(
    "name",
    [
        "rx580-linux-a1111-rocm",
        "rx6800-windows-a1111-upstream",
        "rx6700xt-linux-comfyui-no-override",
        "rtx3070-linux-old-driver",
        "rtx3060ti-windows-cpu-wheel",
        "cpu-only-server-a1111",
        "healthy-mac-m1-a1111",
        "healthy-linux-rtx3060-a1111",
    ],
)
def test_quiet(machine, judge, name):
    assert not judge("gpu-unsupported", machine(name))


def test_quiet_for_integrated_graphics(machine, judge):
    card = Gpu(0, "intel", "Intel UHD Graphics 630", "sysfs", integrated=True)
    facts = replace(machine("cpu-only-server-a1111"), gpus=(card,))
    assert not judge("gpu-unsupported", facts)
