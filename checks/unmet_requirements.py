"""Packages that the UI asks for are missing, or there in another version.

A missing package stops the UI with "No module named …"; another version may fail later. It
happens after an update of the UI, or when an extension installs its own versions.

Fix: Install the UI's own list again. UIs that do so themselves at each start need nothing.

Source: the UI's requirements files, read as pip's requirements file format has it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdops.check import Facts, Finding, Iterator, Location, Remedy, Severity, Skip, UiInstall
from sdops.knowledge.patient import installed
from sdops.knowledge.requirements import Unmet, unmet
from sdops.knowledge.ui_environments import installs_itself
from sdops.remedies.torch import FAMILY, install_xformers, pip_remedy

RULE = "unmet-requirements"
SHOWN = 8
OTHERS = (*FAMILY, "xformers")
"""Whether these fit is for other checks to say: here their versions depend on the GPU."""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for what is missing, one for what is there in another version."""
    python = installed(facts)
    if facts.ui is None or not facts.ui.requirements:
        raise Skip("There is no list of what a UI here asks for.")
    if python.torch is None:
        raise Skip("The UI's packages were not installed yet: see torch-missing.")
    found = list(unmet(facts.ui.requirements, python, facts.host))
    missing = [item for item in found if item.installed is None and item.name not in FAMILY]
    other = [item for item in found if item.installed is not None and item.name not in OTHERS]
    if missing:
        yield _missing(facts, facts.ui, missing)
    if other:
        yield _other_version(facts, facts.ui, other)


def _missing(facts: Facts, ui: UiInstall, items: Sequence[Unmet]) -> Finding:
    itself = installs_itself(ui)
    after = " The UI installs them itself at its next start." if itself else ""
    return Finding(
        rule=RULE,
        severity=Severity.INFO if itself else Severity.ERROR,
        title="Packages that the UI needs are not installed yet."
        if itself
        else "The UI cannot start: packages that it needs are not installed.",
        why=f"Missing: {_names(items)}.{after}",
        evidence={"missing": [item.name for item in items]},
        location=_location(items),
        remedies=() if itself else tuple(_remedies(facts, items)),
    )


def _remedies(facts: Facts, items: Sequence[Unmet]) -> Iterator[Remedy]:
    if any(item.name not in OTHERS for item in items):
        yield _install(facts, "Install what is missing.", items)
    if any(item.name == "xformers" for item in items):
        yield from install_xformers(facts)[:1]


def _other_version(facts: Facts, ui: UiInstall, items: Sequence[Unmet]) -> Finding:
    itself = installs_itself(ui)
    after = " The UI installs them itself at its next start." if itself else ""
    return Finding(
        rule=RULE,
        severity=Severity.INFO if itself else Severity.WARNING,
        title="Some packages are not in the versions that the UI asks for.",
        why=f"Asked for: {_names(items)}.{after}",
        evidence={item.name: [item.wanted, item.installed] for item in items},
        location=_location(items),
        remedies=() if itself else (_install(facts, "Install the versions asked for.", items),),
    )


def _names(items: Sequence[Unmet]) -> str:
    shown = ", ".join(
        f"{item.name}{item.wanted}" + (f" (here: {item.installed})" if item.installed else "")
        for item in items[:SHOWN]
    )
    more = len(items) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _location(items: Sequence[Unmet]) -> Location:
    return Location(items[0].requirement.file, line=items[0].requirement.line)


def _install(facts: Facts, text: str, items: Sequence[Unmet]) -> Remedy:
    plain = [item for item in items if item.name not in OTHERS]
    words = (item.requirement.install or (f"{item.name}{item.wanted}",) for item in plain)
    return pip_remedy(facts, text, ("install", *(word for each in words for word in each)))
