from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Distribution
from sdops.finding import Severity

RULE = "flag-fatal"
COMFY = "healthy-windows-rtx4090-comfyui-portable"


@pytest.mark.parametrize("flag", ["--use-sage-attention", "--use-flash-attention", "--directml"])
def test_a_flag_whose_package_is_missing(machine, judge, launched, flag):
    (finding,) = judge(RULE, launched(machine(COMFY), flag))
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].remove_flags == (flag,)


def test_quiet_with_the_package(machine, judge, launched, with_python):
    facts = launched(machine(COMFY), "--use-sage-attention")
    dist = Distribution("sageattention", "1.0.6", "x")
    assert not judge(RULE, with_python(facts, distributions=(*facts.python.distributions, dist)))


def test_the_processor_without_leave_to_skip_the_test(machine, judge, launched):
    facts = machine("cpu-only-server-a1111")
    (finding,) = judge(RULE, launched(facts, "--use-cpu all"))
    assert finding.remedies[0].add_flags == ("--skip-torch-cuda-test",)
    assert not judge(RULE, launched(facts, "--use-cpu all", "--skip-torch-cuda-test"))
    assert not judge(RULE, launched(facts, "--use-cpu interrogate"))


def test_quiet_with_a_gpu_and_without_a_ui(machine, judge, launched):
    facts = machine("healthy-linux-rtx3060-a1111")
    assert not judge(RULE, launched(facts, "--use-cpu all"))
    assert not judge(RULE, replace(facts, ui=None))
