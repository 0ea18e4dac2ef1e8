from __future__ import annotations

from dataclasses import replace

from sdops.finding import Severity


def test_torch_cannot_be_installed(machine, judge):
    (finding,) = judge("musl-libc", machine("alpine-cpu-a1111"))
    assert finding.severity is Severity.ERROR


def test_the_distributions_own_torch_is_there(machine, judge):
    facts = machine("alpine-cpu-a1111")
    torch = machine("cpu-only-server-a1111").python.torch
    facts = replace(facts, python=replace(facts.python, torch=torch))
    (finding,) = judge("musl-libc", facts)
    assert finding.severity is Severity.INFO


def test_quiet_with_glibc_and_elsewhere(machine, judge):
    for name in ("healthy-linux-rtx3060-a1111", "healthy-mac-m1-a1111"):
        assert not judge("musl-libc", machine(name))
