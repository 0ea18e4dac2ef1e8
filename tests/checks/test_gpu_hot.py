from __future__ import annotations

import pytest

from sdops.finding import Action


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"temperature_c": 98}, "hot"),
        ({"temperature_c": 91, "slowdown_temperature_c": None}, "hot"),
        ({"throttle_reasons": ("hw_thermal_slowdown", "hw_slowdown")}, "hot"),
        ({"throttle_reasons": ("sw_thermal_slowdown",)}, "hot"),
        ({"throttle_reasons": ("hw_power_brake", "hw_slowdown")}, "power"),
        ({"throttle_reasons": ("hw_slowdown",)}, "protect"),
    ],
)
def test_fires(machine, judge, with_gpu, changes, word):
    facts = with_gpu(machine("healthy-linux-rtx3060-a1111"), **changes)
    (finding,) = judge("gpu-hot", facts)
    assert word in finding.title


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature_c": 97},
        {"temperature_c": 88, "slowdown_temperature_c": None},
        {"throttle_reasons": ("sw_power_cap",)},
        {"temperature_c": 99, "visible": False},
        {"temperature_c": None},
    ],
)
def test_quiet(machine, judge, with_gpu, changes):
    assert not judge("gpu-hot", with_gpu(machine("healthy-linux-rtx3060-a1111"), **changes))


def test_power_brake_is_a_matter_of_hardware(machine, judge, with_gpu):
    facts = with_gpu(machine("healthy-linux-rtx3060-a1111"), throttle_reasons=("hw_power_brake",))
    (finding,) = judge("gpu-hot", facts)
    assert finding.remedies[0].action is Action.REPLACE_HARDWARE
