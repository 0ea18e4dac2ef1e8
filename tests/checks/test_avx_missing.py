from __future__ import annotations

import pytest

from sdops.facts.types import Cpu
from sdops.finding import Severity


@pytest.mark.parametrize(
    ("features", "severity"), [(("sse4_2",), Severity.ERROR), (("sse4_2", "avx"), Severity.INFO)]
)
def test_fires(machine, judge, with_host, features, severity):
    cpu = Cpu("Common KVM processor", features=features)
    (finding,) = judge("avx-missing", with_host(machine("cpu-only-server-a1111"), cpu=cpu))
    assert finding.severity is severity


def test_quiet(machine, judge, with_host):
    facts = machine("cpu-only-server-a1111")
    assert not judge("avx-missing", facts)
    assert not judge("avx-missing", with_host(facts, cpu=Cpu("unknown")))
    assert not judge("avx-missing", machine("healthy-mac-m1-a1111"))
    assert not judge("avx-missing", machine("mac-m3-rosetta-comfyui"))
