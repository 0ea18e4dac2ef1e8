from __future__ import annotations

import pytest

from sdops.facts.types import TorchBuild, XformersBuild
from sdops.finding import Severity

CPU = TorchBuild("torch", "2.13.0+cpu")
CU128 = TorchBuild("torch", "2.10.0+cu128", cuda="12.8")
X35 = XformersBuild("0.0.35", "2.10.0+cu128", "12.8", python="3.10.19", architectures=("8.0+PTX",))
X23 = XformersBuild("0.0.23.post1", "2.1.2+cu121", "12.1", python="3.10.13")


def test_another_torch(machine, judge):
    (finding,) = judge("xformers-mismatch", machine("rtx3080-windows-xformers-mismatch"))
    assert finding.severity is Severity.ERROR
    assert "2.1.2" in finding.why
    install, remove = finding.remedies
    assert "xformers==0.0.29.post3" in install.commands[0].argv
    assert "--no-deps" in install.commands[0].argv
    assert remove.commands[0].argv[-3:] == ("uninstall", "-y", "xformers")


def test_a_cuda_build_beside_a_cpu_torch(machine, judge, with_python):
    facts = with_python(machine("healthy-mac-m3-comfyui"), torch=CPU, xformers=X35)
    (finding,) = judge("xformers-mismatch", facts)
    assert finding.severity is Severity.ERROR
    assert "processor" in finding.why
    assert "belongs to torch" not in finding.why


def test_nothing_uses_it(machine, judge, with_python):
    facts = with_python(machine("cpu-only-server-a1111"), torch=CPU, xformers=X35)
    (finding,) = judge("xformers-mismatch", facts)
    assert finding.severity is Severity.WARNING


def test_another_python(machine, judge, with_python):
    torch = TorchBuild("torch", "2.1.2+cu121", cuda="12.1")
    facts = with_python(
        machine("healthy-linux-rtx5090-comfyui"), version="3.11.7", torch=torch, xformers=X23
    )
    (finding,) = judge("xformers-mismatch", facts)
    assert "Python 3.10.13" in finding.why


def test_another_cuda_major(machine, judge, with_python):
    torch = TorchBuild("torch", "2.1.2+cu118", cuda="11.8")
    facts = with_python(
        machine("healthy-linux-rtx5090-comfyui"), version="3.10.7", torch=torch, xformers=X23
    )
    (finding,) = judge("xformers-mismatch", facts)
    assert "CUDA 12.1" in finding.why


def test_another_patch_release_is_a_warning(machine, judge, with_python):
    torch = TorchBuild("torch", "2.1.1+cu121", cuda="12.1")
    facts = with_python(
        machine("healthy-linux-rtx5090-comfyui"), version="3.10.7", torch=torch, xformers=X23
    )
    (finding,) = judge("xformers-mismatch", facts)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("torch", "build"),
    [
        (CU128, X35),
        (TorchBuild("torch", "2.15.0+cu132", cuda="12.9"), X35),
        (CU128, XformersBuild("0.0.99", "2.10.0+cu128", "12.8", python="3.10.1")),
        (CU128, XformersBuild("unknown")),
    ],
)
def test_quiet_with_a_stable_abi(machine, judge, with_python, torch, build):
    facts = with_python(machine("healthy-linux-rtx5090-comfyui"), torch=torch, xformers=build)
    assert not judge("xformers-mismatch", facts)


def test_quiet_where_torch_itself_must_go(machine, judge, with_python):
    facts = with_python(machine("healthy-linux-rtx5090-comfyui"), torch=CPU, xformers=X35)
    assert not judge("xformers-mismatch", facts)


def test_quiet(machine, judge):
    assert not judge("xformers-mismatch", machine("healthy-linux-rtx3060-a1111"))
