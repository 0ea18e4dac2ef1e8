"""Plans an environment: which versions of the torch family fit a machine, and from which index."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdops.env.answer import EnvPlanAnswer, PlannedPackage
from sdops.facts.types import Facts, PythonEnv, UiInstall
from sdops.finding import Command, Report
from sdops.knowledge import flags, xformers
from sdops.knowledge.bad_packages import contains
from sdops.knowledge.torch_plan import Refusal, TorchPlan
from sdops.knowledge.ui_environments import environment
from sdops.remedies import companions
from sdops.remedies.commands import command, platform_of
from sdops.remedies.torch import plan_torch


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """What an environment for one patient should hold."""

    python: str
    """The version of Python that is there, or the one to make a new environment with."""
    packages: tuple[PlannedPackage, ...] = ()
    """Empty where no official build runs on this machine."""
    variant: str | None = None
    """`cu126`, `rocm6.4`, `xpu` or `cpu`."""
    device: str | None = None
    """What torch will compute on: `cuda`, `xpu`, `mps` or `cpu`."""
    index_url: str | None = None
    """Where to install the packages from; None for pip's default index."""
    notes: tuple[str, ...] = ()
    """What else the user should know or do, one sentence each."""

    def pip_arguments(self) -> tuple[str, ...]:
        """What follows `pip install`."""
        index = ("--index-url", self.index_url) if self.index_url else ()
        return (*(package.requirement for package in self.packages), *index)


def plan(facts: Facts) -> EnvironmentPlan:
    """The packages that fit the machine, the Python and the user interface in `facts`.

    Where there is no Python yet, the one is assumed that suits the user interface best.
    """
    wanted = environment(facts.ui.kind) if facts.ui else None
    if facts.python is None and wanted is not None:
        future = PythonEnv("", "", "venv", version=wanted.recommended)
        facts = dataclasses.replace(facts, python=future)
    python = (facts.python and facts.python.version) or "unknown"
    torch, notes = torch_for(facts)
    if wanted and not contains(wanted.python_for(facts.host.os), python):
        meant_for = wanted.python_for(facts.host.os)
        notes += (f"This UI is meant for Python {meant_for}; {wanted.recommended} is best.",)
    if torch is None:
        return EnvironmentPlan(python, notes=notes)
    changed = companions.changes(facts, torch)
    return EnvironmentPlan(
        python,
        _packages(torch, facts, changed),
        torch.variant,
        torch.device,
        torch.index_url,
        (*notes, *torch.notes, *_removed(facts, changed)),
    )


def torch_for(
    facts: Facts, *, near: str | None = None, build: str | None = None
) -> tuple[TorchPlan | None, tuple[str, ...]]:
    """The torch to install, and why the GPU cannot be used where it cannot.

    Args:
        facts: the machine and its Python.
        near: the release to stay close to, if it can serve the machine.
        build: the only build for a GPU to consider.
    """
    chosen = plan_torch(facts, near=near, build=build)
    if isinstance(chosen, Refusal):
        return chosen.instead, (chosen.reason,)
    return chosen, ()


def _removed(facts: Facts, changed: Sequence[companions.Change]) -> Iterator[str]:
    """What is installed, does not go with the planned torch, and has no version that does."""
    gone = [change.name for change in changed if change.version is None]
    if gone and facts.python is not None:
        line = command(facts.host, facts.python.executable, "-m", "pip", "uninstall", "-y", *gone)
        yield (
            f"{', '.join(gone)} was compiled for another torch and would not work with this one;"
            f" remove it: {line.line}"
        )


def _packages(
    torch: TorchPlan, facts: Facts, changed: Sequence[companions.Change]
) -> tuple[PlannedPackage, ...]:
    packages = [
        PlannedPackage("torch", torch.torch, torch.reason, torch.extra),
        PlannedPackage(
            "torchvision",
            torch.torchvision,
            f"The one made for torch {torch.torch}.",
            torch.extra,
        ),
    ]
    if torch.torchaudio:
        reason = f"The one that goes with torch {torch.torch}; only what makes sound needs it."
        packages.append(PlannedPackage("torchaudio", torch.torchaudio, reason))
    kept = any(change.name == "xformers" and change.version for change in changed)
    wanted = facts.ui is not None and (
        flags.takes_flag(facts.ui, "--xformers") or _asks_for_xformers(facts.ui)
    )
    if torch.device == "cuda" and (wanted or kept):
        found = xformers.for_torch(torch.torch, torch.variant, facts.host.os)
        if found is not None:
            reason = f"Works with torch {torch.torch} in its {torch.variant} build; optional."
            packages.append(PlannedPackage("xformers", found.xformers, reason))
    return tuple(packages)


def _asks_for_xformers(ui: UiInstall) -> bool:
    return any(re.match(r"xformers\b", each.text) for each in ui.requirements)


def report(facts: Facts) -> Report:
    """The plan for `facts`, to be shown."""
    begin = time.monotonic()
    made = plan(facts)
    python = facts.python.executable if facts.python else "python"
    command = Command(
        (python, "-m", "pip", "install", *made.pip_arguments()), platform_of(facts.host)
    )
    return Report(
        command="env-plan",
        subject=facts.target or "this machine",
        started_at=facts.taken_at,
        duration_s=time.monotonic() - begin,
        faults=() if made.packages else made.notes,
        data=EnvPlanAnswer(
            python=made.python,
            ui=facts.ui.kind if facts.ui else None,
            packages=made.packages,
            variant=made.variant,
            device=made.device,
            index_url=made.index_url,
            command=command.line if made.packages else None,
            notes=made.notes,
        ),
    )
