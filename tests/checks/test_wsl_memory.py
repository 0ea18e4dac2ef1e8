from __future__ import annotations


def test_half_of_16_gib_is_little(machine, judge):
    (finding,) = judge("wsl-memory", machine("wsl2-rtx3080-comfyui"))
    assert finding.remedies[0].commands[0].line == "wsl --shutdown"


def test_quiet(machine, judge, with_host):
    facts = machine("wsl2-rtx3080-comfyui")
    assert not judge("wsl-memory", with_host(facts, ram_total_bytes=int(15.6 * 2**30)))
    assert not judge("wsl-memory", with_host(facts, wsl=None))
    assert not judge("wsl-memory", with_host(facts, wsl=1))
