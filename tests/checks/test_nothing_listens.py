from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Gap, Listener, Network
from sdops.finding import Severity


def test_loopback_only_socket_is_an_error(machine, judge):
    facts = machine("rtx3090-remote-port-open")
    network = Network(listeners=(Listener("127.0.0.1", 7860, 4242, "python"),))
    (finding,) = judge("nothing-listens", replace(facts, network=network))
    assert finding.severity is Severity.ERROR
    assert "127.0.0.1" in finding.why


def test_another_port_is_named(machine, judge):
    facts = machine("rtx3090-remote-port-open")
    network = Network(listeners=(Listener("0.0.0.0", 7861, 4242, "python"),))
    (finding,) = judge("nothing-listens", replace(facts, network=network))
    assert finding.severity is Severity.WARNING
    assert "7861" in finding.title


def test_running_without_a_socket(machine, judge):
    facts = machine("rtx3090-remote-port-open")
    (finding,) = judge("nothing-listens", replace(facts, network=Network()))
    assert finding.severity is Severity.WARNING
    assert "4242" in finding.why


def test_not_running_is_only_information(machine, judge, launched):
    facts = launched(machine("healthy-linux-rtx3060-a1111"), "--listen", "--port 7865")
    (finding,) = judge("nothing-listens", facts)
    assert finding.severity is Severity.INFO
    assert "7865" in finding.why


def test_quiet_when_it_listens_or_cannot_be_seen_or_is_not_asked_for(machine, judge):
    open_port = machine("rtx3090-remote-port-open")
    assert not judge("nothing-listens", open_port)
    unseen = replace(open_port, network=Network(), gaps=(Gap("network.listeners", "denied"),))
    assert not judge("nothing-listens", unseen)
    assert not judge("nothing-listens", machine("healthy-linux-rtx3060-a1111"))
