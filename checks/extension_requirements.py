"""An extension asks for packages that are not installed, or for another torch or NumPy.

What is missing shows as "IMPORT FAILED" at the UI's start, or when the extension is used. A line
that asks for another torch or NumPy is worse: whoever installs the extension's list replaces the
torch that fits the card, and everything compiled for it stops working.

Fix: Install what is missing with the UI's own Python, torch and NumPy held as they are.

Source: the extension's own requirements.txt, against what is installed.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdops.check import Extension, Facts, Finding, Iterator, Location, PythonEnv, Remedy, Severity
from sdops.knowledge.extensions import enabled, environment, missing, replacing
from sdops.knowledge.requirements import Unmet
from sdops.remedies.packages import install_beside

RULE = "extension-requirements"
SHOWN = 8


def check(facts: Facts) -> Iterator[Finding]:
    """Two findings an extension at most: what is missing, and what it must not replace."""
    extensions = enabled(facts)
    python = environment(facts)
    for each in extensions:
        found = list(missing(each, facts, python))
        if found and not _cannot_load(each):
            yield _missing(facts, each, found)
        worse = list(replacing(each, facts, python))
        if worse:
            yield _replacing(each, python, worse)


def _cannot_load(each: Extension) -> bool:
    """Whether `extension-broken` says the same, and installs the same."""
    return any(fault.kind == "module" and fault.at_load for fault in each.faults)


def _missing(facts: Facts, each: Extension, items: Sequence[Unmet]) -> Finding:
    lacking = any(item.installed is None for item in items)
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"{each.name} asks for packages that are not installed."
        if lacking
        else f"{each.name} asks for other versions of packages than those that are installed.",
        why=f"It asks for: {names(items)}.",
        evidence={"extension": each.name, "packages": [item.name for item in items]},
        location=Location(items[0].requirement.file, line=items[0].requirement.line),
        remedies=(
            install_beside(
                facts,
                "Install them with the UI's own Python. torch and NumPy stay as they are; if pip "
                "refuses for that reason, leave it so, and ask the extension's author.",
                [f"{item.name}{item.wanted}" for item in items],
            ),
        ),
    )


def _replacing(each: Extension, python: PythonEnv, items: Sequence[Unmet]) -> Finding:
    which = " and ".join(item.name for item in items)
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"Installing the list of {each.name} would replace the installed {which}.",
        why=f"It asks for: {names(items)}. Other packages here were compiled for what is there.",
        evidence={"extension": each.name, "python": python.executable, "would_replace": which},
        location=Location(items[0].requirement.file, line=items[0].requirement.line),
        remedies=(
            Remedy(
                f"Leave {which} as it is, and do not install this list as a whole. If the "
                "extension does not work so, look for a newer version of it."
            ),
        ),
    )


def names(items: Sequence[Unmet]) -> str:
    """`insightface, numpy<2 (here: 2.2.6)`."""
    shown = ", ".join(
        f"{item.name}{item.wanted}" + (f" (here: {item.installed})" if item.installed else "")
        for item in items[:SHOWN]
    )
    more = len(items) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
