from __future__ import annotations


def test_windows_must_pass_the_port_on(machine, judge, launched):
    facts = launched(machine("wsl2-rtx3080-comfyui"), "--listen", "--port 9000")
    (finding,) = judge("wsl-port-forwarding", facts)
    line = finding.remedies[0].commands[1].line
    assert "listenport=9000" in line
    assert "connectport=9000" in line


def test_quiet(machine, judge, launched):
    assert not judge("wsl-port-forwarding", machine("wsl2-rtx3080-comfyui"))
    linux = launched(machine("healthy-linux-rtx5090-comfyui"), "--listen")
    assert not judge("wsl-port-forwarding", linux)
