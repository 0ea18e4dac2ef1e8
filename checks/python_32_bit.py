"""This Python is a 32-bit program, for which there is no torch.

pip answers "No matching distribution found for torch", whatever version is asked for.

Fix: Install the 64-bit Python and make the environment anew with it.

Source: PyTorch's package index has 64-bit wheels only.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.patient import python_of


def check(facts: Facts) -> Iterator[Finding]:
    """By the header of the interpreter's file."""
    python = python_of(facts)
    if python.bits is None:
        gap = facts.gap("python.bits")
        raise Skip(gap.reason if gap else "Whether this Python is 32-bit or 64-bit is not known.")
    if python.bits == 32:
        yield Finding(
            rule="python-32-bit",
            severity=Severity.ERROR,
            title="This is a 32-bit Python, and torch exists for 64-bit ones only.",
            why=f"{python.executable} is a 32-bit program.",
            evidence={"python": python.executable, "bits": python.bits},
            remedies=(
                Remedy(
                    "Uninstall it, install the 64-bit Python of the same version, and make the "
                    "environment anew.",
                    Action.REINSTALL,
                ),
            ),
        )
