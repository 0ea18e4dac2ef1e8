from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Setting
from sdops.finding import Severity


def test_fires_for_the_environment_and_for_the_launch_file(machine, judge, with_host):
    facts = machine("healthy-linux-rtx3060-a1111")
    (finding,) = judge(
        "debug-variables", with_host(facts, environment={"CUDA_LAUNCH_BLOCKING": "1"})
    )
    assert finding.severity is Severity.WARNING
    setting = Setting("CUDA_LAUNCH_BLOCKING", "1", "webui-user.sh", 9)
    (finding,) = judge("debug-variables", replace(facts, ui=replace(facts.ui, settings=(setting,))))
    assert finding.location.line == 9


def test_a_foreign_python_home_is_an_error(machine, judge, with_host):
    facts = with_host(
        machine("healthy-windows-rtx4070-forge"), environment={"PYTHONHOME": "C:\\Python27"}
    )
    (finding,) = judge("debug-variables", facts)
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"CUDA_LAUNCH_BLOCKING": "0"},
        {"CUDA_LAUNCH_BLOCKING": ""},
        {"CUDA_MODULE_LOADING": "LAZY", "CUDA_CACHE_MAXSIZE": "4294967296"},
        {"PYTHONUNBUFFERED": "1", "PIP_USER": "no", "OMP_NUM_THREADS": "8"},
        {"LD_LIBRARY_PATH": "/opt/lib", "PYTORCH_MPS_HIGH_WATERMARK_RATIO": "0.7"},
    ],
)
def test_quiet(machine, judge, with_host, environment):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), environment=environment)
    assert not judge("debug-variables", facts)


@pytest.mark.parametrize(
    ("name", "value", "severity"),
    [
        ("PYTHONPATH", "/opt/ros/lib", Severity.INFO),
        ("LD_LIBRARY_PATH", "/usr/local/cuda/lib64", Severity.INFO),
        ("PYTORCH_MPS_HIGH_WATERMARK_RATIO", "0.0", Severity.INFO),
        ("CUDA_MODULE_LOADING", "EAGER", Severity.INFO),
        ("PIP_USER", "1", Severity.WARNING),
    ],
)
def test_what_may_matter_is_weighed(machine, judge, with_host, name, value, severity):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), environment={name: value})
    (finding,) = judge("debug-variables", facts)
    assert finding.severity is severity
