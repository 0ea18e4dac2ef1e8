from __future__ import annotations

from dataclasses import replace

import pytest

from sdops.facts.types import Network, Reach

INDEX = "https://index.example/simple/"
FAILED = Reach("package-index", INDEX, False, "timed out")


@pytest.fixture
def tried(machine):
    def change(*reach):
        return replace(machine("healthy-linux-rtx5090-comfyui"), network=Network(reach=reach))

    return change


def test_the_cause_is_told_with_it(judge, tried):
    dns = Reach("dns", "index.example", False, "name not known")
    other = Reach("dns", "github.com", False, "name not known")
    (finding,) = judge("package-index-unreachable", tried(dns, other, FAILED))
    assert finding.evidence["causes"] == ["dns: name not known"]
    assert "-m pip config set global.index-url" in finding.remedies[-1].commands[0].line


def test_a_certificate_is_never_to_be_ignored(judge, tried):
    failed = replace(FAILED, detail="certificate verify failed")
    (finding,) = judge("package-index-unreachable", tried(failed))
    assert "--cert" in finding.remedies[0].text
    assert not any("trusted-host" in remedy.text for remedy in finding.remedies)


def test_quiet(judge, tried):
    assert not judge("package-index-unreachable", tried())
    assert not judge("package-index-unreachable", tried(replace(FAILED, ok=True)))
    proxy = Reach("proxy", "http://127.0.0.1:1", False, "refused")
    assert not judge("package-index-unreachable", tried(proxy, FAILED))
