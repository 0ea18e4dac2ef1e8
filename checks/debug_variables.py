"""An environment variable that slows the UI down, or breaks it, is still set.

Most are meant for debugging: they make programs on the GPU slow, fill the disk, or stop them. They
are often copied from a forum's answer and then forgotten.

Fix: Take the variable away.

Severity: info, warning or error, by the row that applies.

Source: docs.nvidia.com CUDA Programming Guide (environment variables); NVIDIA/DCGM nvvs software
plugin; rocm.docs.amd.com; profiles/variables.toml.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator
from sdops.knowledge.variables import DebugVariable, Variable, debug_variables, variable
from sdops.remedies.variables import unset


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each variable that is set and not switched off by its value."""
    for row in debug_variables():
        for name in row.names:
            found = variable(facts, name)
            if found and row.matters(found.value):
                yield _finding(facts, row, found)


def _finding(facts: Facts, row: DebugVariable, found: Variable) -> Finding:
    return Finding(
        rule="debug-variables",
        severity=row.severity,
        title=f"{found.name} is set: {row.effect}.",
        why=f"{found.name} is {found.value!r}, "
        + ("set by the launch file." if found.location else "set in your environment."),
        evidence={"variable": found.name, "value": found.value},
        location=found.location,
        remedies=(unset(facts, found),),
    )
