from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Listener, Network, Reach

PROXY = "http://127.0.0.1:7890"
OTHER = Listener("127.0.0.1", 22)


@pytest.fixture
def behind(machine, with_host):
    def change(network, **host):
        facts = machine("healthy-linux-rtx5090-comfyui")
        return replace(with_host(facts, **host), network=network)

    return change


def test_a_failed_attempt_names_every_place(judge, behind):
    facts = behind(
        Network(reach=(Reach("proxy", PROXY, False, "refused"),)),
        environment={"https_proxy": PROXY, "HTTP_PROXY": PROXY},
        settings={"git:http.proxy": PROXY, "pip:global.proxy": PROXY},
    )
    (finding,) = judge("proxy-unreachable", facts)
    assert finding.evidence["set_in"] == [
        "https_proxy",
        "HTTP_PROXY",
        "git:http.proxy",
        "pip:global.proxy",
    ]
    assert finding.remedies[1].commands[0].line == "unset https_proxy HTTP_PROXY"
    lines = [command.line for remedy in finding.remedies for command in remedy.commands]
    assert "git config --global --unset-all http.proxy" in lines
    assert any(line.endswith("-m pip config unset global.proxy") for line in lines)


def test_a_local_proxy_without_a_listener_is_dead(judge, behind):
    facts = behind(Network(listeners=(OTHER,)), environment={"HTTPS_PROXY": "localhost:7890"})
    assert judge("proxy-unreachable", facts)


@pytest.mark.parametrize(
    ("network", "host"),
    [
        (Network(), {}),
        (Network(listeners=(OTHER,)), {"environment": {"HTTPS_PROXY": "http://proxy.example:1"}}),
        (Network(), {"environment": {"HTTPS_PROXY": PROXY}}),
        (Network(listeners=(OTHER,)), {"environment": {"HTTPS_PROXY": PROXY}, "wsl": 2}),
        (
            Network(listeners=(Listener("0.0.0.0", 7890),)),
            {"environment": {"HTTPS_PROXY": PROXY}},
        ),
        (
            Network(listeners=(OTHER,), reach=(Reach("proxy", PROXY, True),)),
            {"environment": {"HTTPS_PROXY": PROXY}},
        ),
        (Network(listeners=(OTHER,)), {"environment": {"HTTPS_PROXY": "http://[broken"}}),
    ],
)
def test_quiet(judge, behind, network, host):
    assert not judge("proxy-unreachable", behind(network, **host))
