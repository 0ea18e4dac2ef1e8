from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Gap, Listener, Network
from sdops.finding import Severity


def _with(facts, *listeners):
    return replace(facts, network=Network(listeners=listeners))


def test_an_explicit_port_cannot_move(machine, judge):
    (finding,) = judge("port-taken", machine("rtx3070-linux-port-taken"))
    assert finding.severity is Severity.ERROR
    assert finding.evidence["pid"] == 3131
    assert finding.remedies[0].commands[0].line == "ps -fp 3131"
    assert finding.remedies[1].add_flags == ("--port 7861",)


def test_the_default_port_moves_on(machine, judge, launched):
    facts = launched(machine("rtx3070-linux-port-taken"))
    (finding,) = judge("port-taken", facts)
    assert finding.severity is Severity.INFO


def test_comfyui_never_moves_on(machine, judge):
    facts = _with(machine("healthy-linux-rtx5090-comfyui"), Listener("0.0.0.0", 8188, None))
    (finding,) = judge("port-taken", facts)
    assert finding.severity is Severity.ERROR
    assert "another user" in finding.why
    assert finding.remedies[0].commands == ()


def test_windows_looks_with_tasklist(machine, judge):
    facts = _with(
        machine("healthy-windows-rtx4090-comfyui-portable"), Listener("127.0.0.1", 8188, 77, "x")
    )
    (finding,) = judge("port-taken", facts)
    assert finding.remedies[0].commands[0].line == 'tasklist /FI "PID eq 77"'


def test_quiet_for_the_ui_itself_and_for_what_does_not_clash(machine, judge):
    assert not judge("port-taken", machine("rtx3090-remote-port-open"))
    facts = machine("healthy-linux-rtx3060-a1111")
    own = Listener("127.0.0.1", 7860, 9, "python", f"python {facts.ui.root}/launch.py")
    for listener in (own, Listener("127.0.0.1", 7861, 9), Listener("192.168.1.5", 7860, 9)):
        assert not judge("port-taken", _with(facts, listener))
    unseen = replace(machine("rtx3070-linux-port-taken"), gaps=(Gap("network.listeners", "no"),))
    assert not judge("port-taken", unseen)
