"""Whether torchvision and torchaudio go with torch: in version, and in what they were built for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from sdops.facts.types import Distribution, PythonEnv, TorchBuild
from sdops.knowledge import torch_releases
from sdops.knowledge.patient import kind_of
from sdops.knowledge.torch_releases import Pairing, public

PARTNERS = ("torchvision", "torchaudio")
LOOSE_AUDIO = "2.11"
"""From this torchaudio on, it pins no torch and does without its own CUDA code for most uses."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One companion that does not go with the installed torch."""

    partner: TorchBuild
    version: bool
    """Its version belongs to another torch."""
    build: bool
    """It was built for another kind or version of GPU runtime."""
    fatal: bool
    """It fails when it is imported or used; otherwise it may work."""


def disagreements(python: PythonEnv) -> tuple[Disagreement, ...]:
    """The companions that disagree with the torch in `python`."""
    return tuple(_disagreements(python)) if python.torch is not None else ()


def expected(torch: str, package: str) -> str | None:
    """The version of `package` that goes with `torch`, or None for a torch not in the table."""
    row = torch_releases.release(torch)
    if row is None:
        return None
    return row.torchvision if package == "torchvision" else row.torchaudio


def _disagreements(python: PythonEnv) -> Iterator[Disagreement]:
    torch = python.torch
    assert torch is not None
    for partner in (python.torchvision, python.torchaudio):
        if partner is None or partner.package not in PARTNERS:
            continue
        wrong_version = _clash(torch, partner, python.distribution(partner.package))
        wrong_build = _builds_differ(torch, partner)
        if wrong_version or wrong_build:
            fatal = (wrong_version and not _same_minor(torch, partner)) or (
                wrong_build and _cannot_load(torch, partner)
            )
            yield Disagreement(partner, wrong_version, wrong_build, fatal)


def _clash(torch: TorchBuild, partner: TorchBuild, dist: Distribution | None) -> bool:
    """Whether the partner's version excludes this torch: by its own requirement, or the table."""
    own = (
        _own_requirement(dist) if dist and public(dist.version) == public(partner.version) else None
    )
    if own is not None and own.specifier:
        try:
            return not own.specifier.contains(Version(public(torch.version)), prereleases=True)
        except InvalidVersion:
            return False
    pairing = torch_releases.pairing(torch.version, partner.package, partner.version)
    return pairing is Pairing.CLASHES


def _own_requirement(dist: Distribution) -> Requirement | None:
    for line in dist.requires:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.name.lower() == "torch" and requirement.marker is None:
            return requirement
    return None


def _same_minor(torch: TorchBuild, partner: TorchBuild) -> bool:
    """Whether the partner came out with another patch release of the same torch."""
    theirs = torch_releases.torch_for(partner.package, partner.version)
    if theirs is None:
        return False
    try:
        return torch_releases.minor_version(theirs) == torch_releases.minor_version(
            public(torch.version)
        )
    except InvalidVersion:
        return False


def _builds_differ(torch: TorchBuild, partner: TorchBuild) -> bool:
    if not _tells_its_build(partner):
        return False
    if kind_of(torch) != kind_of(partner):
        return True
    mine, theirs = torch.cuda or torch.hip or "", partner.cuda or partner.hip or ""
    depth = min(len(mine.split(".")), len(theirs.split(".")), 2)
    return mine.split(".")[:depth] != theirs.split(".")[:depth]


def _tells_its_build(partner: TorchBuild) -> bool:
    """Whether a companion says anywhere what it was built for; without that, nothing is known."""
    return kind_of(partner) != "cpu" or partner.version.endswith("+cpu")


def _cannot_load(torch: TorchBuild, partner: TorchBuild) -> bool:
    """CUDA minor versions go together; CUDA majors, and GPU beside CPU builds, do not."""
    if partner.package == "torchaudio" and _at_least(partner.version, LOOSE_AUDIO):
        return False
    if kind_of(torch) != kind_of(partner):
        return True
    mine, theirs = torch.cuda or torch.hip or "", partner.cuda or partner.hip or ""
    return mine.split(".")[0] != theirs.split(".")[0]


def _at_least(version: str, least: str) -> bool:
    try:
        return Version(public(version)) >= Version(least)
    except InvalidVersion:
        return False
