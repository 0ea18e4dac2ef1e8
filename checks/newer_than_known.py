"""Something here is newer than what this sdops knows.

Nothing is wrong. sdops cannot say what it goes together with, so some checks are left out.

Fix: Update sdops; `--deep` asks torch itself.

Source: the tables in profiles/ and the dates in them.
"""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from sdops.check import Facts, Finding, Iterator, Severity
from sdops.knowledge import gpus, torch_releases, xformers
from sdops.knowledge.patient import python_of
from sdops.knowledge.torch_releases import public


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for all that is newer than its table."""
    newer = dict(_newer(facts))
    if newer:
        names = ", ".join(newer)
        yield Finding(
            rule="newer-than-known",
            severity=Severity.INFO,
            title=f"Newer than what sdops knows: {names}.",
            why=" ".join(f"{name}: {why}" for name, why in newer.items()),
            evidence={"table_dated": torch_releases.dated(), "newer": list(newer)},
        )


def _newer(facts: Facts) -> Iterator[tuple[str, str]]:
    dated = f"dated {torch_releases.dated()}"
    python = python_of(facts)
    torch, build = python.torch, python.xformers
    if torch is not None and torch_releases.is_newer_than_known(torch.version):
        newest = torch_releases.newest().torch
        yield f"torch {torch.version}", f"the table ends at {newest}, {dated}."
    if build is not None and _later(build.version, xformers.releases()[0].xformers):
        newest = xformers.releases()[0].xformers
        yield f"xformers {build.version}", f"the table ends at {newest}, {dated}."
    for card in facts.visible_gpus:
        if card.vendor == "nvidia" and card.compute_capability and gpus.model(card) is None:
            major, minor = card.compute_capability
            why = f"compute capability {major}.{minor} is not in the table, {dated}."
            yield card.name, why


def _later(version: str, than: str) -> bool:
    try:
        return Version(public(version)) > Version(than)
    except InvalidVersion:
        return False
