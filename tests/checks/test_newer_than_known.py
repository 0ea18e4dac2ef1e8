from __future__ import annotations

from sdops.facts.types import TorchBuild, XformersBuild
from sdops.finding import Severity


def test_all_of_it_is_one_piece_of_information(machine, judge, with_python, with_gpu):
    facts = with_python(
        machine("healthy-linux-rtx3060-a1111"),
        torch=TorchBuild("torch", "99.0.0+cu150", cuda="15.0"),
        xformers=XformersBuild("99.0"),
    )
    facts = with_gpu(facts, name="NVIDIA GeForce RTX 9090", compute_capability=(19, 0))
    (finding,) = judge("newer-than-known", facts)
    assert finding.severity is Severity.INFO
    assert "dated" in finding.why
    for name in ("torch 99.0.0", "xformers 99.0", "RTX 9090"):
        assert name in finding.title


def test_quiet(machine, judge, with_python):
    assert not judge("newer-than-known", machine("healthy-linux-rtx3060-a1111"))
    own_build = with_python(
        machine("cpu-only-server-a1111"), torch=TorchBuild("torch", "2.6.0a0+ecf3bae40a.nv25.01")
    )
    assert not judge("newer-than-known", own_build)
