from __future__ import annotations

from sdops.finding import Severity


def test_a_server_without_a_screen_is_told(machine, judge, with_gpu):
    facts = with_gpu(machine("healthy-h100-server-comfyui"), persistence_mode=False)
    (finding,) = judge("gpu-persistence-mode", facts)
    assert finding.severity is Severity.INFO
    assert finding.remedies[0].commands[0].line == "sudo nvidia-smi -pm 1"


def test_quiet_elsewhere(machine, judge, with_gpu, with_host):
    server = machine("healthy-h100-server-comfyui")
    off = with_gpu(server, persistence_mode=False)
    assert not judge("gpu-persistence-mode", server)
    assert not judge("gpu-persistence-mode", with_gpu(off, display_attached=True))
    assert not judge("gpu-persistence-mode", with_gpu(off, display_attached=None))
    assert not judge("gpu-persistence-mode", with_host(off, container="docker"))
    assert not judge("gpu-persistence-mode", machine("healthy-windows-rtx4070-forge"))
