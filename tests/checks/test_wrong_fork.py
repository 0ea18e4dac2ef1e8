from __future__ import annotations

from dataclasses import replace

from sdops.facts.types import Git, Remote
from sdops.finding import Severity


def _from(facts, url):
    return replace(facts, ui=replace(facts.ui, git=Git(remotes=(Remote("origin", url),))))


def test_a1111_itself_on_amd_under_windows(machine, judge):
    (finding,) = judge("wrong-fork", machine("rx6800-windows-a1111-upstream"))
    assert finding.severity is Severity.ERROR
    assert "amdgpu" in finding.remedies[0].commands[0].line


def test_the_amd_edition_on_nvidia(machine, judge):
    facts = _from(
        machine("gtx1060-windows-a1111"), "git@github.com:lshqqytiger/stable-diffusion-webui-amdgpu"
    )
    (finding,) = judge("wrong-fork", facts)
    assert finding.severity is Severity.WARNING


def test_quiet(machine, judge, launched, with_host):
    upstream = machine("rx6800-windows-a1111-upstream")
    amd = _from(upstream, "https://github.com/lshqqytiger/stable-diffusion-webui-amdgpu.git")
    assert not judge("wrong-fork", amd)
    assert not judge("wrong-fork", launched(upstream, "--use-directml"))
    assert not judge("wrong-fork", with_host(upstream, os="linux"))
    assert not judge("wrong-fork", replace(upstream, gpus=()))
    assert not judge("wrong-fork", machine("gtx1060-windows-a1111"))
    rocm = machine("rx580-linux-a1111-rocm").python
    assert not judge("wrong-fork", replace(upstream, python=rocm))


def test_an_nvidia_gpu_beside_the_amd_one_serves(machine, judge):
    facts = machine("rx6800-windows-a1111-upstream")
    nvidia = machine("gtx1060-windows-a1111").gpus
    assert not judge("wrong-fork", replace(facts, gpus=facts.gpus + nvidia))
