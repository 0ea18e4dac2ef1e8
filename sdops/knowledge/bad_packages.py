"""Combinations of Python packages that are known to break, and when one applies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from sdops.facts.types import Facts, PythonEnv
from sdops.finding import Severity
from sdops.profile import load

PROFILE = "bad_packages"


@dataclass(frozen=True, slots=True)
class Combination:
    """One known-bad combination: its conditions, which must all hold, and what to do."""

    id: str
    severity: Severity
    title: str
    why: str
    remedy: str
    source: str
    installed: Mapping[str, str] = field(default_factory=dict)
    """Distribution name to PEP 440 specifier (empty: any version)."""
    absent: tuple[str, ...] = ()
    ui: tuple[str, ...] = ()
    os: tuple[str, ...] = ()
    python: str = ""
    uninstall: tuple[str, ...] = ()
    """Distributions to uninstall first."""
    install: tuple[tuple[str, ...], ...] = ()
    """Arguments of `pip install`, one tuple a command."""

    def applies(self, facts: Facts, python: PythonEnv) -> bool:
        """Whether `python` on this machine holds the combination."""
        return (
            (not self.ui or (facts.ui is not None and facts.ui.kind in self.ui))
            and (not self.os or facts.host.os in self.os)
            and (not self.python or contains(self.python, python.version))
            and all(python.distribution(name) is None for name in self.absent)
            and all(_holds(python, name, versions) for name, versions in self.installed.items())
        )


@cache
def combinations() -> tuple[Combination, ...]:
    """Every known-bad combination."""
    return tuple(
        Combination(
            **{
                **row,
                "severity": Severity.of(row["severity"]),
                **{key: tuple(row.get(key, ())) for key in ("absent", "ui", "os", "uninstall")},
                "install": tuple(tuple(arguments) for arguments in row.get("install", ())),
            }
        )
        for row in load(PROFILE)["combination"]
    )


def built_for_numpy_1(python: PythonEnv) -> Iterator[tuple[str, str, str]]:
    """Installed packages with code made for NumPy 1: name, version, and first version that is not.

    Only what the table lists; whether NumPy 2 is there at all is for the caller to see.
    """
    for row in load(PROFILE)["numpy1"]:
        dist = python.distribution(row["package"])
        if dist is not None and contains(f"<{row['until']}", dist.version):
            yield dist.name, dist.version, row["until"]


def contains(specifier: str, version: str | None) -> bool:
    """Whether a PEP 440 `specifier` contains `version`; False for what is neither.

    A local label does not count: `==2.4.0` contains `2.4.0+cu121`.
    """
    try:
        return version is not None and SpecifierSet(specifier, prereleases=True).contains(
            Version(Version(version).public)
        )
    except (InvalidSpecifier, InvalidVersion):
        return False


def _holds(python: PythonEnv, name: str, versions: str) -> bool:
    dist = python.distribution(name)
    return dist is not None and contains(versions, dist.version)
