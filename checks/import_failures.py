"""A package is installed, but Python cannot import it.

This is what the UI runs into as well. `--deep` imports each package in the patient's own Python,
one process each, and shows the real text of the error.

Fix: Depends on the text; known ones have their own remedy.

Source: the exception itself; profiles/signatures/.
"""

from __future__ import annotations

import re

from sdops.check import Facts, Finding, ImportProbe, Iterator, Remedy, Severity, Skip
from sdops.knowledge.patient import python_of
from sdops.knowledge.signatures import Signature, recognize
from sdops.knowledge.torch_family import disagreements
from sdops.knowledge.xformers_fit import misfits
from sdops.remedies.packages import install_beside
from sdops.remedies.torch import install_torch

ASKS = re.compile(r"\b([A-Za-z][\w-]{0,60}(?:[<>=!~]=?[\d.]{1,20},?){1,4}) is required")
"""How transformers, diffusers and accelerate say which version of another package they want."""
NEEDED = ("torch", "torchvision", "numpy", "safetensors", "PIL")
"""Modules without which no UI starts."""


def check(facts: Facts) -> Iterator[Finding]:
    """Leaves out what another check explains from the files alone."""
    python = python_of(facts)
    if facts.deep is None:
        raise Skip("Nothing was imported: ask for that with --deep.")
    explained = {item.partner.package for item in disagreements(python) if item.fatal}
    if python.torch is not None and python.xformers is not None:
        explained |= {"xformers"} if misfits(python, python.torch, python.xformers) else set()
    torch = next((probe for probe in facts.deep.imports if probe.module == "torch"), None)
    if torch is not None and not torch.ok:
        explained |= {"torchvision", "torchaudio", "xformers"}
    for probe in facts.deep.imports:
        if not probe.ok and probe.module not in explained and not _is_absent(probe):
            yield _finding(facts, probe)


def _is_absent(probe: ImportProbe) -> bool:
    """It is simply not installed, which other checks judge."""
    return probe.exception == "ModuleNotFoundError" and f"'{probe.module}'" in (probe.message or "")


def _finding(facts: Facts, probe: ImportProbe) -> Finding:
    known = recognize(probe.message or "")
    needed = probe.module in NEEDED
    says = f"{probe.exception or 'error'}: {probe.message or 'no text'}"
    return Finding(
        rule="import-failures",
        severity=Severity.ERROR if needed else Severity.WARNING,
        title=f"{probe.module} is installed but cannot be loaded"
        + (", so the UI cannot start." if needed else "."),
        why=f"{known.sentence} Python says: {says}" if known else f"Python says: {says}",
        evidence={"module": probe.module, "exception": probe.exception, "message": probe.message},
        remedies=_remedies(facts, probe, known),
    )


def _remedies(facts: Facts, probe: ImportProbe, known: Signature | None) -> tuple[Remedy, ...]:
    asked = ASKS.search(probe.message or "")
    if asked is not None:
        text = f"Install {asked[1]}, which it asks for; torch and NumPy stay as they are."
        return (install_beside(facts, text, [asked[1]]),)
    torch = facts.python.torch if facts.python else None
    again = install_torch(facts, near=torch.version if torch else None)
    if known is not None:
        return (Remedy(known.remedy), *(again if known.action == "reinstall" else ()))
    if probe.module in ("torch", "torchvision", "torchaudio"):
        return again
    return (Remedy(f"Install {probe.module} again in this environment."),)
