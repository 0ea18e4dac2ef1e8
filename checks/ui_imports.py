"""The UI imports a module that nothing provides, and dies at its start.

Its requirements do not name every package that it imports: some used to come along with another
one, which no longer brings them. The start ends with "No module named …".

Fix: Install the package by name, with the UI's own Python.

Source: the UI's own files, read with ast from the one that starts it on; Comfy-Org/ComfyUI 0.3.64
imports requests, which transformers 5 no longer brings.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.extensions import environment
from sdops.knowledge.modules import distribution_of
from sdops.knowledge.requirements import unmet
from sdops.knowledge.ui_environments import installs_itself
from sdops.remedies.packages import install_beside

RULE = "ui-imports"


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for all modules, without those that the UI's own list names as well."""
    if facts.ui is None or not facts.ui.faults:
        raise Skip("Nothing is known that the UI imports and nobody provides.")
    if installs_itself(facts.ui):
        raise Skip("The UI installs what it lacks at its next start.")
    python = environment(facts)
    listed = {item.name for item in unmet(facts.ui.requirements, python, facts.host)}
    wanted: dict[str, str | None] = {}
    for fault in facts.ui.faults:
        found = distribution_of(fault.subject, facts.ui.requirements)
        name = (found or fault.subject).partition("=")[0].partition("<")[0].partition(">")[0]
        if name not in listed:
            wanted[fault.subject] = found
    if not wanted:
        return
    first = next(fault for fault in facts.ui.faults if fault.subject in wanted)
    names = ", ".join(wanted)
    text = "Install it with the UI's own Python; torch and NumPy stay as they are."
    yield Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title=f"The UI cannot start: it imports {names}, which nothing here provides.",
        why=f"Seen in {first.file}, line {first.line}. Neither the UI's folder nor any installed "
        "package has it, and the UI's list of requirements does not name it.",
        evidence={"modules": list(wanted)},
        location=Location(first.file, line=first.line),
        remedies=(_remedy(facts, text, wanted),),
    )


def _remedy(facts: Facts, text: str, wanted: dict[str, str | None]) -> Remedy:
    known = list(dict.fromkeys(found for found in wanted.values() if found is not None))
    if not known:
        return Remedy("Look in the UI's own installation guide for the package that brings it.")
    return install_beside(facts, text, known)
