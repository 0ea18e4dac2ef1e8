from __future__ import annotations

from sdops.finding import Severity


def test_a_lowered_limit_is_information(machine, judge, with_gpu):
    facts = with_gpu(machine("healthy-linux-rtx3060-a1111"), power_limit_w=120.0)
    (finding,) = judge("gpu-power-cap", facts)
    assert finding.severity is Severity.INFO
    assert "120 of 170 watts" in finding.title
    assert finding.remedies[0].commands[0].line == "sudo nvidia-smi -i 0 --power-limit 170"


def test_quiet_at_or_above_the_default(machine, judge, with_gpu):
    facts = machine("healthy-linux-rtx3060-a1111")
    for limit in (165.0, 170.0, 200.0, None):
        assert not judge("gpu-power-cap", with_gpu(facts, power_limit_w=limit))
