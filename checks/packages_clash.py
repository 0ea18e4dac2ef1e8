"""An installed package does not accept the version of another one that is installed beside it.

Packages such as transformers compare versions when they are imported and stop ("X>=… is required
for a normal functioning of this module"); others fail later. It happens when something pulls in a
newer or older version than the rest was made for.

Fix: Install a version that all of them accept.

Source: Requires-Dist in the metadata of what is installed; profiles/hard_requirements.toml.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from sdops.check import Facts, Finding, Iterator, PythonEnv, Remedy, Severity
from sdops.knowledge.extensions import environment
from sdops.knowledge.hard_requirements import Breach, breaches
from sdops.knowledge.specifiers import compatible
from sdops.remedies.packages import install_beside

RULE = "packages-clash"
SHOWN = 6


def check(facts: Facts) -> Iterator[Finding]:
    """One error for each package that others break on, one note for all the rest."""
    python = environment(facts)
    rest: list[Breach] = []
    hard: dict[str, list[Breach]] = {}
    for each in breaches(python, facts.host):
        if each.why is None:
            rest.append(each)
        else:
            hard.setdefault(each.item.name, []).append(each)
    for name, found in hard.items():
        yield _breaks(facts, name, found)
    if rest:
        yield _note(python, rest)


def _breaks(facts: Facts, name: str, found: Sequence[Breach]) -> Finding:
    there = found[0].item.installed
    asking = " and ".join(f"{each.dist.name} {each.dist.version}" for each in found)
    state = (
        f"{name} {there} does not go with it" if there else f"{name}, which it needs, is missing"
    )
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title=f"{asking} cannot work: {state}.",
        why=" ".join(
            f"{each.dist.name} asks for {name}{each.item.wanted}. {each.why}" for each in found
        ),
        evidence={"package": name, "installed": there}
        | {each.dist.name: each.item.wanted for each in found},
        remedies=(_remedy(facts, name, found),),
    )


def _remedy(facts: Facts, name: str, found: Sequence[Breach]) -> Remedy:
    wanted = SpecifierSet("")
    for each in found:
        try:
            more = SpecifierSet(each.item.wanted)
        except InvalidSpecifier:
            continue
        if not compatible(wanted, more):
            return Remedy(
                f"No version of {name} suits all of them: update the one that asks for the oldest."
            )
        wanted &= more
    requirement = f"{name}{wanted}"
    text = f"Install {requirement}, which they accept; torch and NumPy stay as they are."
    return install_beside(facts, text, [requirement])


def _note(python: PythonEnv, rest: Sequence[Breach]) -> Finding:
    shown = "; ".join(
        f"{each.dist.name} asks for {each.item.name}{each.item.wanted} "
        f"({'here: ' + each.item.installed if each.item.installed else 'not installed'})"
        for each in rest[:SHOWN]
    )
    more = len(rest) - SHOWN
    return Finding(
        rule=RULE,
        severity=Severity.INFO,
        title="Some packages ask for others in versions that are not here; most work all the same.",
        why=f"{shown}{f' and {more} more' if more > 0 else ''}.",
        evidence={"python": python.executable, "count": len(rest)},
    )
