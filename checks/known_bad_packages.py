"""Packages are installed that are known to fail together.

Each entry of the table is a combination that others have run into, with what they saw and what
fixed it.

Fix: Depends on the combination; each has its own.

Severity: info, warning, error or critical, by the row that applies.

Source: profiles/bad_packages.toml, where each row names its source.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, PythonEnv, Remedy
from sdops.knowledge.bad_packages import Combination, combinations
from sdops.knowledge.patient import installed
from sdops.remedies.torch import pip_remedy


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each combination that is there."""
    python = installed(facts)
    for row in combinations():
        if row.applies(facts, python):
            yield Finding(
                rule="known-bad-packages",
                severity=row.severity,
                title=row.title,
                why=row.why,
                evidence={"combination": row.id, **_versions(python, row), "source": row.source},
                remedies=(_remedy(facts, row),),
            )


def _versions(python: PythonEnv, row: Combination) -> dict[str, str]:
    found = ((name, python.distribution(name)) for name in row.installed)
    return {name: dist.version for name, dist in found if dist is not None}


def _remedy(facts: Facts, row: Combination) -> Remedy:
    removal = (("uninstall", "-y", *row.uninstall),) if row.uninstall else ()
    runs = (*removal, *(("install", *arguments) for arguments in row.install))
    return pip_remedy(facts, row.remedy, *runs) if runs else Remedy(row.remedy, Action.NONE)
