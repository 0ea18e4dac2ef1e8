from __future__ import annotations

import pytest

from sdops.facts.types import ModuleOwners
from sdops.finding import Severity


@pytest.fixture
def owned(machine, with_packages, with_python):
    def make(name, module, **packages):
        owners = ModuleOwners(module, tuple(key.replace("_", "-") for key in packages))
        return with_python(with_packages(machine(name), **packages), module_owners=(owners,))

    return make


def test_opencv_in_two_versions(owned, judge):
    facts = owned(
        "healthy-linux-rtx5090-comfyui",
        "cv2",
        opencv_python="4.9.0.80",
        opencv_python_headless="4.10.0.84",
    )
    (finding,) = judge("duplicate-modules", facts)
    assert finding.severity is Severity.WARNING
    assert finding.remedies[0].commands[0].argv[-2:] == (
        "opencv-python==4.10.0.84",
        "opencv-python-headless==4.10.0.84",
    )


def test_opencv_in_one_version_is_harmless(owned, judge):
    facts = owned(
        "healthy-linux-rtx5090-comfyui",
        "cv2",
        opencv_python="4.10.0.84",
        opencv_contrib_python="4.10.0.84",
    )
    (finding,) = judge("duplicate-modules", facts)
    assert finding.severity is Severity.INFO


def test_onnxruntime_beside_its_gpu_package(owned, judge):
    packages = {"onnxruntime": "1.18.0", "onnxruntime_gpu": "1.18.1"}
    facts = owned("healthy-linux-rtx5090-comfyui", "onnxruntime", **packages)
    (finding,) = judge("duplicate-modules", facts)
    assert finding.severity is Severity.WARNING
    remove, install = finding.remedies[0].commands
    assert remove.argv[-3:] == ("-y", "onnxruntime", "onnxruntime-gpu")
    assert install.argv[-1] == "onnxruntime-gpu==1.18.1"
    (without_card,) = judge(
        "duplicate-modules", owned("healthy-mac-m3-comfyui", "onnxruntime", **packages)
    )
    assert without_card.severity is Severity.INFO


def test_others_are_information(owned, judge):
    facts = owned("healthy-mac-m3-comfyui", "PIL", pillow="11.0", pillow_simd="9.5.0")
    (finding,) = judge("duplicate-modules", facts)
    assert finding.severity is Severity.INFO


def test_quiet(machine, judge):
    assert not judge("duplicate-modules", machine("healthy-linux-rtx5090-comfyui"))
