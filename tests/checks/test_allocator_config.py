from __future__ import annotations

import pytest

from sdops.finding import Severity

NAME = "PYTORCH_CUDA_ALLOC_CONF"


def test_a_mistyped_key_stops_torch(machine, judge):
    (finding,) = judge("allocator-config", machine("rtx3060-linux-debug-variables"))
    assert finding.severity is Severity.ERROR
    assert "garbage_collection_threshold" in finding.why


def test_without_a_gpu_nothing_reads_it(machine, judge, with_host):
    facts = with_host(machine("cpu-only-server-a1111"), environment={NAME: "nonsense"})
    (finding,) = judge("allocator-config", facts)
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {NAME: "expandable_segments:True"},
        {NAME: "garbage_collection_threshold:0.9,max_split_size_mb:512"},
        {"PYTORCH_HIP_ALLOC_CONF": "max_split_size_mb:128"},
        {"PYTORCH_ALLOC_CONF": "backend:native"},
    ],
)
def test_quiet(machine, judge, with_host, environment):
    facts = with_host(machine("healthy-linux-rtx3060-a1111"), environment=environment)
    assert not judge("allocator-config", facts)


def test_windows_ignores_expandable_segments(machine, judge, with_host):
    facts = with_host(
        machine("healthy-windows-rtx4070-forge"), environment={NAME: "expandable_segments:True"}
    )
    (finding,) = judge("allocator-config", facts)
    assert finding.severity is Severity.INFO
