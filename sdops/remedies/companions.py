"""What must change beside torch when torch is replaced: packages compiled for that one torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.version import InvalidVersion

from sdops.facts.types import Facts, PythonEnv
from sdops.knowledge import torch_releases, xformers
from sdops.knowledge.companions import label_of
from sdops.knowledge.torch_plan import TorchPlan
from sdops.knowledge.torch_releases import minor_version, public


@dataclass(frozen=True, slots=True)
class Change:
    """One package that does not go with the torch to come."""

    name: str
    version: str | None
    """The version that does; None where no wheel is known that would."""
    index_url: str | None = None

    @property
    def pip_arguments(self) -> tuple[str, ...]:
        """What follows `pip`: the right one in its place, or nothing in its place."""
        if self.version is None:
            return ("uninstall", "-y", self.name)
        index = ("--index-url", self.index_url) if self.index_url else ()
        package = f"{self.name}=={self.version}"
        return ("install", "--force-reinstall", "--no-deps", package, *index)


def changes(facts: Facts, plan: TorchPlan) -> tuple[Change, ...]:
    """What is installed and compiled for another torch than the one in `plan`."""
    python = facts.python
    return () if python is None else (*_xformers(facts, python, plan), *_labeled(python, plan))


def _xformers(facts: Facts, python: PythonEnv, plan: TorchPlan) -> Iterator[Change]:
    dist = python.distribution("xformers")
    build = python.xformers or dist
    if build is None:
        return
    found = xformers.for_torch(plan.torch, plan.variant, facts.host.os)
    if found is None:
        yield Change("xformers", None)
    elif public(build.version) != found.xformers or not _stays(python, plan):
        index = torch_releases.index_url(plan.variant)
        yield Change("xformers", found.xformers, index)


def _stays(python: PythonEnv, plan: TorchPlan) -> bool:
    """Whether the torch to come is built for the same as the one that is there."""
    return python.torch is not None and python.torch.variant == plan.variant


def _labeled(python: PythonEnv, plan: TorchPlan) -> Iterator[Change]:
    for dist in python.distributions:
        label = label_of(dist)
        wanted = _minor(plan.torch)
        if label.torch and wanted and not label.serves(wanted):
            yield Change(dist.name, None)


def _minor(version: str) -> tuple[int, int] | None:
    try:
        major, minor = minor_version(public(version))
    except (InvalidVersion, ValueError):
        return None
    return major, minor
