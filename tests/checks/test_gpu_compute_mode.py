from __future__ import annotations

from sdops.facts.types import GpuProcess
from sdops.finding import Severity

OTHER = GpuProcess(77, "other", 2**30, True)


def test_prohibited_is_an_error(machine, judge, with_gpu):
    facts = with_gpu(machine("healthy-h100-server-comfyui"), compute_mode="prohibited")
    (finding,) = judge("gpu-compute-mode", facts)
    assert finding.severity is Severity.ERROR
    assert finding.remedies[0].commands[0].line == "sudo nvidia-smi -i 0 -c 0"


def test_exclusive_matters_once_it_is_taken(machine, judge, with_gpu):
    facts = with_gpu(machine("healthy-h100-server-comfyui"), compute_mode="exclusive_process")
    assert not judge("gpu-compute-mode", facts)
    (finding,) = judge("gpu-compute-mode", with_gpu(facts, processes=(OTHER,)))
    assert finding.severity is Severity.WARNING


def test_quiet_in_the_default_mode(machine, judge, with_gpu):
    facts = with_gpu(machine("healthy-h100-server-comfyui"), processes=(OTHER,))
    assert not judge("gpu-compute-mode", facts)
