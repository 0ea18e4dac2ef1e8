from __future__ import annotations

import pytest

PROXY = {"http_proxy": "http://10.0.0.1:3128"}


@pytest.mark.parametrize(
    "environment",
    [PROXY, {"ALL_PROXY": "socks5://10.0.0.1:1080"}, {**PROXY, "NO_PROXY": "example.org"}],
)
def test_fires_for_gradio_uis(machine, judge, with_host, environment):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), environment=environment)
    (finding,) = judge("proxy-catches-localhost", facts)
    assert finding.remedies[0].commands[0].line == "export NO_PROXY=localhost,127.0.0.1,::1"


def test_windows_sets_it_its_own_way(machine, judge, with_host):
    facts = with_host(machine("healthy-windows-rtx4070-forge"), environment=PROXY)
    (finding,) = judge("proxy-catches-localhost", facts)
    assert finding.remedies[0].commands[0].line == 'set "NO_PROXY=localhost,127.0.0.1,::1"'


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HTTPS_PROXY": "http://10.0.0.1:3128"},
        {**PROXY, "no_proxy": "localhost, 127.0.0.1"},
        {**PROXY, "no_proxy": "localhost,127.0.0.1/8,::1"},
        {**PROXY, "NO_PROXY": "*"},
    ],
)
def test_quiet(machine, judge, with_host, environment):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), environment=environment)
    assert not judge("proxy-catches-localhost", facts)


def test_comfyui_does_not_ask_itself(machine, judge, with_host):
    facts = with_host(machine("healthy-linux-rtx5090-comfyui"), environment=PROXY)
    assert not judge("proxy-catches-localhost", facts)
