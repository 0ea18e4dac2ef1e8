from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import DeepProbe, ImportProbe
from sdops.finding import Action, Severity

ERROR_803 = (
    "CUDA initialization: Unexpected error from cudaGetDeviceCount(). Error 803: system has "
    "unsupported display driver / cuda driver combination"
)
ERROR_804 = (
    "CUDA initialization: Unexpected error from cudaGetDeviceCount(). Error 804: forward "
    "compatibility was attempted on non supported HW"
)


def probed(facts, message):
    return replace(facts, deep=DeepProbe(cuda_available=False, cuda_error=message))


@pytest.mark.parametrize(
    ("message", "action", "word"),
    [
        (ERROR_803, Action.REBOOT, "not of the running driver"),
        (ERROR_804, Action.UPDATE_DRIVER, "compatibility library"),
        ("Error 802: system not yet initialized", Action.NONE, "service"),
        ("CUDA unknown error - this may be due to an incorrectly set up environment",
         Action.REBOOT, "bad state"),
    ],
)  # fmt: skip
def test_each_error_has_its_own_remedy(machine, judge, message, action, word):
    facts = probed(machine("healthy-linux-rtx5090-comfyui"), message)
    (finding,) = judge("cuda-unavailable", facts)
    assert finding.severity is Severity.ERROR
    assert word in finding.title
    assert message in finding.why
    assert finding.remedies[0].action is action


def test_no_reason_given(machine, judge):
    (finding,) = judge("cuda-unavailable", probed(machine("healthy-linux-rtx5090-comfyui"), None))
    assert "no reason" in finding.why


@pytest.mark.parametrize(
    "name", ["rtx3070-linux-old-driver", "rtx3090-driver-mismatch-803", "rtx4090-linux-masked"]
)
def test_quiet_where_another_check_names_the_cause(machine, judge, name):
    assert not judge("cuda-unavailable", probed(machine(name), ERROR_803))


def test_quiet_where_torch_cannot_be_imported(machine, judge):
    deep = DeepProbe(imports=(ImportProbe("torch", False),), cuda_available=False)
    facts = replace(machine("healthy-linux-rtx5090-comfyui"), deep=deep)
    assert not judge("cuda-unavailable", facts)


def test_quiet_where_cuda_starts(machine, judge):
    facts = machine("healthy-linux-rtx5090-comfyui")
    assert not judge("cuda-unavailable", replace(facts, deep=DeepProbe(cuda_available=True)))
    assert not judge("cuda-unavailable", facts)


def test_rocm(machine, judge):
    facts = probed(machine("healthy-linux-rx6800-comfyui"), "No HIP GPUs are available")
    (finding,) = judge("cuda-unavailable", facts)
    assert "No HIP GPUs" in finding.why
