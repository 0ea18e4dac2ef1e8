"""Which processor a UI will generate on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sdops.facts.codec import facts_from_json
from sdops.facts.types import Facts
from sdops.knowledge.device import DeviceKind, device_of

MACHINES = Path(__file__).parent.parent / "machines"


def captured(name: str) -> Facts:
    document = json.loads((MACHINES / f"{name}.json").read_text("utf-8"))
    return facts_from_json(document["facts"])


@pytest.mark.parametrize(
    ("name", "kind", "gpu"),
    [
        ("healthy-linux-rtx3060-a1111", DeviceKind.CUDA, "RTX 3060"),
        ("two-gpus-rtx5070-gtx1060", DeviceKind.CUDA, "RTX 5070"),
        ("healthy-linux-rx6800-comfyui", DeviceKind.ROCM, "RX 6800"),
        ("healthy-windows-arc-a770-comfyui", DeviceKind.XPU, "A770"),
        ("healthy-mac-m3-comfyui", DeviceKind.MPS, "M3"),
        ("wsl2-rtx3080-comfyui", DeviceKind.CUDA, "RTX 3080"),
        ("rtx3060ti-windows-cpu-wheel", DeviceKind.CUDA, "RTX 3060 Ti"),
        ("rtx3080-linux-rocm-torch", DeviceKind.CUDA, "RTX 3080"),
        ("rx6800-windows-a1111-upstream", DeviceKind.UNKNOWN, "RX 6800"),
        ("cpu-only-server-a1111", DeviceKind.CPU, None),
        ("docker-without-gpus-a1111", DeviceKind.UNKNOWN, None),
        ("rtx4090-linux-masked", DeviceKind.UNKNOWN, None),
        ("rtx3090-linux-lost", DeviceKind.UNKNOWN, None),
    ],
)
def test_of_captured_machines(name: str, kind: DeviceKind, gpu: str | None) -> None:
    device = device_of(captured(name))
    assert device.kind is kind
    assert (gpu is None) == (device.gpu is None)
    if gpu and device.gpu:
        assert gpu in device.gpu.name


def test_the_torch_that_is_installed_decides_between_vendors() -> None:
    facts = captured("healthy-linux-rx6800-comfyui")
    nvidia = captured("healthy-linux-rtx3060-a1111").gpus[0]
    both = replace(facts, gpus=(nvidia, *facts.gpus))
    assert device_of(both).kind is DeviceKind.ROCM
    assert device_of(replace(both, python=None)).kind is DeviceKind.CUDA


def test_integrated_graphics_without_torch_builds_do_not_count() -> None:
    facts = captured("cpu-only-server-a1111")
    amd = captured("healthy-linux-rx6800-comfyui").gpus[0]
    small = replace(amd, name="AMD Radeon Graphics", gfx="gfx1036", integrated=True)
    intel = replace(amd, vendor="intel", name="Intel UHD Graphics 770", gfx=None, integrated=True)
    assert device_of(replace(facts, gpus=(small, intel))).kind is DeviceKind.CPU
