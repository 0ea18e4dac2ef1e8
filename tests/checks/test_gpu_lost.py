from __future__ import annotations

from sdops.finding import Action


def test_fires(machine, judge):
    (finding,) = judge("gpu-lost", machine("rtx3090-linux-lost"))
    assert "GeForce RTX 3090" in finding.title
    assert finding.remedies[0].action is Action.REBOOT
    assert finding.remedies[0].commands[0].line == "sudo reboot"


def test_a_hidden_or_healthy_card_is_not_lost(machine, judge):
    assert not judge("gpu-lost", machine("rtx4090-linux-masked"))
    assert not judge("gpu-lost", machine("healthy-linux-rtx3060-a1111"))
