"""Remedies that several checks give, with the exact commands for the patient at hand."""

from __future__ import annotations

from collections.abc import Sequence

from sdops.facts.types import Facts
from sdops.finding import Action, Command, Platform, Remedy
from sdops.knowledge import torch_plan
from sdops.knowledge.torch_plan import Refusal, TorchPlan
from sdops.knowledge.ui_environments import environment

FAMILY = ("torch", "torchvision", "torchaudio")


def platform_of(facts: Facts) -> Platform:
    """The operating system that commands for this machine are written for."""
    known = {"linux": Platform.LINUX, "windows": Platform.WINDOWS, "macos": Platform.MACOS}
    return known.get(facts.host.os, Platform.ANY)


def command(facts: Facts, *argv: str) -> Command:
    """`argv` as a command for this machine."""
    return Command(argv, platform_of(facts))


def pip(facts: Facts, *arguments: str) -> Command:
    """`pip` with `arguments`, run by the patient's own interpreter.

    Its Python must be known: `facts.python` is not None.
    """
    assert facts.python is not None
    return command(facts, facts.python.executable, "-m", "pip", *arguments)


def pip_install(facts: Facts, text: str, *arguments: str) -> Remedy:
    """A remedy that is one `pip install` with `arguments`."""
    return Remedy(text, Action.REINSTALL, (pip(facts, "install", *arguments),), automatic=True)


def plan_torch(
    facts: Facts, *, near: str | None = None, build: str | None = None
) -> TorchPlan | Refusal:
    """The torch that fits the patient's machine and Python.

    It stays near the release `near`, or else near the one that the UI itself would install; with
    `build`, only that build for a GPU counts.
    """
    python = facts.python
    if python is None or python.version is None:
        return Refusal("The Python version of this environment is not known.")
    wanted = environment(facts.ui.kind) if facts.ui else None
    return torch_plan.choose(
        facts.host,
        facts.visible_gpus,
        facts.driver("nvidia"),
        python.version,
        machine=python.machine,
        near=near or (wanted.torch if wanted else None),
        build=build,
    )


def install_torch(facts: Facts, *, near: str | None = None) -> tuple[Remedy, ...]:
    """How to (re)install the torch family so that it fits this machine.

    The packages of the family that are installed are replaced together, from one index; a
    missing torchvision is added, since every UI needs it.
    """
    plan = plan_torch(facts, near=near)
    if isinstance(plan, TorchPlan):
        return (_install(facts, plan, plan.reason),)
    refusal = Remedy(plan.reason)
    if plan.instead is None:
        return (refusal,)
    slow = "Or let the processor do the work, which takes minutes for an image."
    return (refusal, _install(facts, plan.instead, slow))


def _install(facts: Facts, plan: TorchPlan, why: str) -> Remedy:
    text = " ".join((f"Install torch {plan.torch} in its {plan.variant} build.", why, *plan.notes))
    arguments = ("--force-reinstall", *plan.pip_arguments(family(facts)))
    return pip_install(facts, text, *arguments)


def family(facts: Facts) -> Sequence[str]:
    """The packages of the torch family to install together: torchaudio only where it is."""
    python = facts.python
    has_audio = python is not None and (
        python.torchaudio is not None or python.distribution("torchaudio") is not None
    )
    return FAMILY if has_audio else FAMILY[:2]
