from __future__ import annotations

import pytest

from sdops.finding import Action


@pytest.mark.parametrize(
    ("action", "remedy"),
    [
        ("reset", Action.RESET_GPU),
        ("drain_p2p", Action.RESET_GPU),
        ("drain_and_reset", Action.RESET_GPU),
        ("reboot", Action.REBOOT),
    ],
)
def test_fires(machine, judge, with_gpu, action, remedy):
    facts = with_gpu(machine("healthy-h100-server-comfyui"), recovery_action=action)
    (finding,) = judge("gpu-recovery-action", facts)
    assert finding.remedies[0].action is remedy


@pytest.mark.parametrize("action", ["none", None])
def test_quiet(machine, judge, with_gpu, action):
    facts = with_gpu(machine("healthy-h100-server-comfyui"), recovery_action=action)
    assert not judge("gpu-recovery-action", facts)
