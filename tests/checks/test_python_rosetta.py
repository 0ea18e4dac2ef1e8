from __future__ import annotations

from sdops.finding import Severity


def test_fires(machine, judge):
    (finding,) = judge("python-rosetta", machine("mac-m3-rosetta-comfyui"))
    assert finding.severity is Severity.ERROR


def test_quiet(machine, judge, with_python):
    assert not judge("python-rosetta", machine("healthy-mac-m1-a1111"))
    linux = with_python(machine("healthy-linux-rtx3060-a1111"), machine="x86_64")
    assert not judge("python-rosetta", linux)
