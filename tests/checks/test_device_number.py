from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.finding import Severity

RULE = "device-number"


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("healthy-linux-rtx3060-a1111", "--device-id 1"),
        ("healthy-linux-rtx5090-comfyui", "--cuda-device 1"),
        ("healthy-linux-rtx5090-comfyui", "--cuda-device 0,3"),
        ("healthy-windows-rtx4070-forge", "--gpu-device-id 2"),
    ],
)
def test_a_number_that_no_card_has(machine, judge, launched, name, flag):
    (finding,) = judge(RULE, launched(machine(name), flag))
    assert finding.severity is Severity.ERROR
    assert flag.split()[1] in finding.title


def test_quiet(machine, judge, launched):
    one = machine("healthy-linux-rtx5090-comfyui")
    assert not judge(RULE, launched(one, "--cuda-device 0"))
    two = replace(one, gpus=(one.gpus[0], replace(one.gpus[0], index=1)))
    assert not judge(RULE, launched(two, "--cuda-device 1"))
    assert judge(RULE, launched(two, "--cuda-device 2"))
    assert not judge(RULE, launched(replace(one, gpus=()), "--cuda-device 1"))
