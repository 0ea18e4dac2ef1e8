"""The processor lacks instructions that torch's files use.

Programs stop without any message but "Illegal instruction" (on Windows error 0xc000001d).

Fix: Use a computer with a newer processor; in a virtual machine, pass the processor's own type
through.

Source: pytorch/pytorch issues on "Illegal instruction" without AVX; oneDNN and FBGEMM need AVX2.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip


def check(facts: Facts) -> Iterator[Finding]:
    """Judges x86 processors whose instruction sets could be read."""
    cpu = facts.host.cpu
    if facts.host.machine != "x86_64" or cpu is None or not cpu.features:
        raise Skip("This is not an x86 processor, or its instruction sets are not known.")
    if facts.host.rosetta:
        raise Skip("Under Rosetta the instruction sets are those of the translation.")
    missing = [name for name in ("avx", "avx2") if name not in cpu.features]
    if not missing:
        return
    fatal = "avx" in missing
    yield Finding(
        rule="avx-missing",
        severity=Severity.ERROR if fatal else Severity.INFO,
        title="Torch will most likely stop with “Illegal instruction” on this processor."
        if fatal
        else "Work on the processor (not on the GPU) will be slow.",
        why=f"{cpu.name} has no {' and no '.join(name.upper() for name in missing)}.",
        evidence={"cpu": cpu.name, "missing": missing},
        remedies=(
            Remedy(
                "In a virtual machine, set the processor's type to “host”. Otherwise a newer "
                "computer is needed.",
                Action.REPLACE_HARDWARE if fatal else Action.NONE,
            ),
        ),
    )
