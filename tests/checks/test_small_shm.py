from __future__ import annotations

from dataclasses import replace

from sdops.finding import Severity


def test_docker_default(machine, judge):
    facts = machine("h200-docker-small-shm")
    (finding,) = judge("small-shm", facts)
    assert finding.severity is Severity.INFO
    assert "64 MiB" in finding.title
    training = replace(facts, ui=replace(facts.ui, kind="kohya"))
    assert judge("small-shm", training)[0].severity is Severity.WARNING


def test_quiet(machine, judge, with_host):
    facts = machine("h200-docker-small-shm")
    assert not judge("small-shm", with_host(facts, shm_total_bytes=8 * 2**30))
    assert not judge("small-shm", with_host(facts, container=None))
    assert not judge("small-shm", with_host(facts, shm_total_bytes=None))
