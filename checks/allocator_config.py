"""A setting of torch's memory management is mistyped or has no effect.

Torch reads PYTORCH_CUDA_ALLOC_CONF when it first uses the GPU, and stops with an error that names
neither the variable nor the place where it is set.

Fix: Correct the setting, or take it away: torch works well without it.

Source: pytorch.org docs, CUDA semantics (PYTORCH_CUDA_ALLOC_CONF); pytorch
c10/core/AllocatorConfig.cpp and c10/cuda/CUDAAllocatorConfig.cpp.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Severity
from sdops.knowledge.allocator import Fault, faults, variables
from sdops.knowledge.variables import Variable, variable
from sdops.remedies.variables import unset


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each fault of each variable with this grammar."""
    for name in variables():
        found = variable(facts, name)
        if found:
            for fault in faults(found.value, facts.host.os):
                yield _finding(facts, found, fault)


def _finding(facts: Facts, found: Variable, fault: Fault) -> Finding:
    used = any(gpu.vendor in ("nvidia", "amd") for gpu in facts.gpus)
    return Finding(
        rule="allocator-config",
        severity=Severity.ERROR if fault.fatal and used else Severity.INFO,
        title=_title(found.name, fault, used=used),
        why=f"{fault.text} The setting is {found.value!r}.",
        evidence={"variable": found.name, "value": found.value},
        location=found.location,
        remedies=(unset(facts, found),),
    )


def _title(name: str, fault: Fault, *, used: bool) -> str:
    if not fault.fatal:
        return f"Part of the setting {name} does nothing."
    if used:
        return f"Torch will stop at the setting {name}, which is mistyped."
    return f"The setting {name} is mistyped, which would stop torch on a GPU."
