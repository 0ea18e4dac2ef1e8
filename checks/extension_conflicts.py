"""Two extensions want versions of one package that no single one satisfies.

Whichever is installed last wins, and the other one fails. No command fixes that: one environment
holds one version.

Fix: Do without one of the two, or look for a version of it that has moved on.

Source: the extensions' own requirements.txt; PEP 440.
"""

from __future__ import annotations

from itertools import combinations

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from sdops.check import Facts, Finding, Iterator, Location, Remedy, Requirement, Severity
from sdops.knowledge.extensions import enabled
from sdops.knowledge.patient import python_of
from sdops.knowledge.requirements import applying, markers
from sdops.knowledge.specifiers import compatible

SHOWN = 20
ITSELF = "the UI itself"


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each package and pair; the UI's own list counts as one of them."""
    extensions = enabled(facts)
    assert facts.ui is not None
    environment = markers(python_of(facts), facts.host)
    wanted: dict[str, list[tuple[str, SpecifierSet, Requirement]]] = {}
    lists = [(each.name, each.requirements) for each in extensions]
    for owner, lines in ((ITSELF, facts.ui.requirements), *lists):
        for line, parsed in applying(lines, environment):
            if parsed.specifier:
                name = str(canonicalize_name(parsed.name))
                wanted.setdefault(name, []).append((owner, parsed.specifier, line))
    pairs = (
        (name, first, second)
        for name, all_of_it in wanted.items()
        for first, second in combinations(all_of_it, 2)
        if first[0] != second[0] and not compatible(first[1], second[1])
    )
    for _, (name, first, second) in zip(range(SHOWN), pairs, strict=False):
        yield Finding(
            rule="extension-conflicts",
            severity=Severity.WARNING,
            title=f"{_begin(first[0])} and {second[0]} want versions of {name} that exclude each "
            "other.",
            why=f"{first[0]} wants {name}{first[1]}, {second[0]} wants {name}{second[1]}. One "
            "environment holds one version.",
            evidence={"package": name, first[0]: str(first[1]), second[0]: str(second[1])},
            location=Location(second[2].file, line=second[2].line),
            remedies=(
                Remedy(
                    f"Do without {second[0]}, or look for a newer version of it."
                    if first[0] == ITSELF
                    else "Do without one of the two, or look for newer versions of both."
                ),
            ),
        )


def _begin(owner: str) -> str:
    return "The UI itself" if owner == ITSELF else owner
