from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Network, Reach
from sdops.finding import Severity

FAILED = Reach("code-host", "https://github.com/", False, "timed out")


def test_fires(machine, judge):
    facts = replace(machine("healthy-linux-rtx5090-comfyui"), network=Network(reach=(FAILED,)))
    (finding,) = judge("code-host-unreachable", facts)
    assert finding.severity is Severity.WARNING


def test_quiet(machine, judge):
    facts = machine("healthy-linux-rtx5090-comfyui")
    proxy = Reach("proxy", "http://127.0.0.1:1", False, "refused")
    for reach in ((), (replace(FAILED, ok=True),), (proxy, FAILED)):
        assert not judge("code-host-unreachable", replace(facts, network=Network(reach=reach)))
