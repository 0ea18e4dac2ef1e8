from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import DeepProbe, KernelProbe
from sdops.finding import Severity


@pytest.fixture
def computed(machine):
    def make(*kernels):
        return replace(machine("healthy-linux-rtx3060-a1111"), deep=DeepProbe(kernels=kernels))

    return make


def kernel(dtype="float32", operation="matmul", **result):
    return KernelProbe("cuda:0", operation, dtype, **{"ok": True, **result})


@pytest.mark.parametrize("error", [None, 0.5])
def test_wrong_in_half_precision(computed, judge, error):
    facts = computed(
        kernel(relative_error=1e-6),
        kernel("float16", "conv2d", ok=False, relative_error=error, message="is wrong"),
        kernel("float16", ok=False, relative_error=error, message="is wrong"),
    )
    (finding,) = judge("kernel-failures", facts)
    assert finding.severity is Severity.WARNING
    assert "--no-half" in finding.remedies[0].text


def test_wrong_in_single_precision_is_critical_and_told_once(computed, judge):
    facts = computed(
        kernel(ok=False, relative_error=0.3), kernel("float16", ok=False, relative_error=0.9)
    )
    (finding,) = judge("kernel-failures", facts)
    assert finding.severity is Severity.CRITICAL


def test_an_exception(computed, judge):
    facts = computed(
        kernel(ok=False, exception="RuntimeError", message="CUBLAS_STATUS_NOT_INITIALIZED")
    )
    (finding,) = judge("kernel-failures", facts)
    assert finding.severity is Severity.ERROR
    assert "CUBLAS_STATUS_NOT_INITIALIZED" in finding.why


def test_quiet_for_half_precision_on_old_processors_builds(computed, judge):
    words = "\"addmm_impl_cpu_\" not implemented for 'Half'"
    probe = KernelProbe("cpu", "matmul", "float16", False, None, "RuntimeError", words)
    assert not judge("kernel-failures", computed(probe))


@pytest.mark.parametrize(
    "message",
    ["CUDA error: no kernel image is available for execution on the device", "CUDA out of memory."],
)
def test_quiet_where_another_check_names_the_cause(computed, judge, message):
    assert not judge("kernel-failures", computed(kernel(ok=False, message=message)))


def test_quiet_for_rounding(computed, judge, machine):
    facts = computed(kernel(relative_error=1e-3), kernel("float16", relative_error=1e-2))
    assert not judge("kernel-failures", facts)
    assert not judge("kernel-failures", machine("healthy-linux-rtx3060-a1111"))
