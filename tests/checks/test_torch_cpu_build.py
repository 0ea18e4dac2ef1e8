from __future__ import annotations

import pytest

from sdops.facts.types import TorchBuild
from sdops.finding import Platform, Severity


def test_fires_on_windows(machine, judge):
    (finding,) = judge("torch-cpu-build", machine("rtx3060ti-windows-cpu-wheel"))
    assert finding.severity is Severity.ERROR
    replace, complete = finding.remedies[0].commands
    assert replace.platform is Platform.WINDOWS
    assert replace.argv[-1] == "https://download.pytorch.org/whl/cu128"
    assert "--no-deps" in replace.argv
    assert "--no-deps" not in complete.argv


def test_tells_amd_and_intel_too(machine, judge, with_python):
    cpu = TorchBuild("torch", "2.8.0+cpu")
    changes = {"torch": cpu, "torchvision": None, "torchaudio": None}
    for name, build in (
        ("healthy-linux-rx6800-comfyui", "rocm"),
        ("healthy-windows-arc-a770-comfyui", "xpu"),
    ):
        (finding,) = judge("torch-cpu-build", with_python(machine(name), **changes))
        assert finding.evidence["fitting_build"].startswith(build)


@pytest.mark.parametrize(
    "name", ["cpu-only-server-a1111", "healthy-mac-m1-a1111", "healthy-linux-rtx3060-a1111"]
)
def test_quiet(machine, judge, name):
    assert not judge("torch-cpu-build", machine(name))


def test_quiet_where_the_processor_is_asked_for(machine, judge, launched):
    facts = launched(machine("rtx3060ti-windows-cpu-wheel"), "--cpu")
    assert not judge("torch-cpu-build", facts)


def test_quiet_with_directml(machine, judge, with_packages):
    facts = with_packages(machine("rtx3060ti-windows-cpu-wheel"), torch_directml="0.2.5")
    assert not judge("torch-cpu-build", facts)


def test_quiet_where_no_official_build_serves_the_card(machine, judge, with_python):
    facts = with_python(
        machine("rx580-linux-a1111-rocm"),
        torch=TorchBuild("torch", "2.8.0+cpu"),
        torchvision=TorchBuild("torchvision", "0.23.0+cpu"),
    )
    assert not judge("torch-cpu-build", facts)
