from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Network


def test_ssh_session_gets_a_tunnel_with_the_uis_port(machine, judge):
    (finding,) = judge("loopback-only", machine("rtx3080-remote-loopback-only"))
    assert finding.remedies[0].commands[0].line == "ssh -L 7860:127.0.0.1:7860 USER@SERVER"
    assert finding.remedies[1].add_flags == ("--listen", "--gradio-auth-path webui-logins.txt")


def test_a_container_is_normal_until_somebody_comes_from_elsewhere(machine, judge):
    facts = machine("h200-docker-small-shm")
    assert not judge("loopback-only", facts)
    remote = replace(facts, network=replace(facts.network, remote_session=True))
    (finding,) = judge("loopback-only", remote)
    assert finding.remedies[0].add_flags == ("--listen 0.0.0.0",)


def test_quiet_on_the_users_own_machine_and_when_listening(machine, judge, launched):
    remote = machine("rtx3080-remote-loopback-only")
    assert not judge("loopback-only", replace(remote, network=Network()))
    assert not judge("loopback-only", launched(remote, "--listen"))
    assert not judge("loopback-only", launched(remote, "--share"))
    assert not judge("loopback-only", machine("rtx3090-remote-port-open"))
