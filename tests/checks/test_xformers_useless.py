from __future__ import annotations

from sdops.facts.types import XformersBuild
from sdops.finding import Severity


def test_on_a_mac(machine, judge, with_python):
    facts = with_python(machine("healthy-mac-m3-comfyui"), xformers=XformersBuild("0.0.35"))
    (finding,) = judge("xformers-useless", facts)
    assert finding.severity is Severity.INFO
    assert finding.remedies[0].commands[0].argv[-1] == "xformers"


def test_quiet_with_a_build_for_amd(machine, judge, with_python):
    build = XformersBuild("0.0.32", hip="6.4")
    facts = with_python(machine("healthy-linux-rx6800-comfyui"), xformers=build)
    assert not judge("xformers-useless", facts)


def test_quiet(machine, judge):
    assert not judge("xformers-useless", machine("healthy-linux-rtx3060-a1111"))
    assert not judge("xformers-useless", machine("docker-without-gpus-a1111"))
