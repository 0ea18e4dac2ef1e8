"""Remedies that several checks give, with the exact commands for the patient at hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from sdops.facts.types import Facts, PythonEnv
from sdops.finding import Action, Command, Remedy
from sdops.knowledge import torch_plan, torch_releases, xformers
from sdops.knowledge.patient import kind_of, variant_of
from sdops.knowledge.torch_plan import Refusal, TorchPlan
from sdops.knowledge.torch_wanted import wanted_by
from sdops.remedies import companions
from sdops.remedies.commands import command

FAMILY = ("torch", "torchvision", "torchaudio")
DRIVERS_PAGE = "https://www.nvidia.com/drivers"


def pip(facts: Facts, *arguments: str) -> Command:
    """`pip` with `arguments`, run by the patient's own interpreter.

    Its Python must be known: `facts.python` is not None.
    """
    assert facts.python is not None
    return command(facts.host, facts.python.executable, "-m", "pip", *arguments)


def pip_remedy(facts: Facts, text: str, *runs: Sequence[str]) -> Remedy:
    """A remedy that runs `pip` once with each of `runs`; first pip itself, where it is missing."""
    assert facts.python is not None
    lacking = facts.python.has_pip is False
    first = (command(facts.host, facts.python.executable, "-m", "ensurepip", "--upgrade"),)
    commands = tuple(pip(facts, *arguments) for arguments in runs)
    return Remedy(text, Action.REINSTALL, (*(first if lacking else ()), *commands), automatic=True)


def plan_torch(
    facts: Facts, *, near: str | None = None, build: str | None = None
) -> TorchPlan | Refusal:
    """The torch that fits the patient's machine and Python.

    A release near `near` (the one that is installed); without it, what the UI's own installer would
    take, or near that. With `build`, only that build for a GPU counts.
    """
    wanted = wanted_by(facts)
    release = wanted.release() if wanted else None
    if wanted is None or release is None or near is not None or build is not None:
        return _choose(facts, near or release, build)
    own = _choose(facts, release, wanted.build)
    if isinstance(own, TorchPlan) and own.torch == release:
        return own
    plan = _choose(facts, release, None)
    if isinstance(plan, TorchPlan) and plan.torch != release:
        would = f"torch {release}" + (f" ({wanted.build})" if wanted.build else "")
        note = f"The UI's own installer would take {would}, which does not serve this machine."
        return dataclasses.replace(plan, notes=(*plan.notes, note))
    return plan


def _choose(facts: Facts, near: str | None, build: str | None) -> TorchPlan | Refusal:
    python = facts.python
    if python is None or python.version is None:
        return Refusal("The Python version of this environment is not known.")
    return torch_plan.choose(
        facts.host,
        facts.serviceable_gpus,
        facts.driver("nvidia"),
        python.version,
        machine=python.machine,
        bits=python.bits,
        near=near,
        build=build,
    )


def torch_suits(facts: Facts) -> bool:
    """Whether the installed torch is of the kind that the GPU here needs, or none would do."""
    if facts.python is None or facts.python.torch is None:
        return False
    torch = facts.python.torch
    plan = plan_torch(facts, near=torch.version)
    if isinstance(plan, Refusal):
        return True
    kind = "cuda" if plan.variant.startswith("cu") else plan.variant.rstrip("0123456789.")
    return kind == kind_of(torch)


def install_torch(facts: Facts, *, near: str | None = None) -> tuple[Remedy, ...]:
    """How to (re)install the torch family so that it fits this machine.

    Its installed packages are replaced together, from one index; a missing torchvision is added,
    since every UI needs it. Where nothing official fits, the reason comes first.
    """
    plan = plan_torch(facts, near=near)
    if isinstance(plan, TorchPlan):
        return (_install(facts, plan, plan.reason),)
    refusal = Remedy(plan.reason)
    if plan.instead is None or facts.python is None:
        return (refusal,)
    slow = "Or let the processor do the work, which takes minutes for an image."
    return (refusal, _install(facts, plan.instead, slow))


def replace(facts: Facts, text: str, requirements: Sequence[str], variant: str) -> Remedy:
    """Replaces single packages of the torch family from the index of `variant`, and nothing else.

    Without `--no-deps`, pip would replace everything that they depend on as well, torch and the
    UI's pinned NumPy and Pillow among them.
    """
    index = () if facts.host.os == "macos" else ("--index-url", torch_releases.index_url(variant))
    return pip_remedy(
        facts, text, ("install", "--force-reinstall", "--no-deps", *requirements, *index)
    )


def install_xformers(facts: Facts) -> tuple[Remedy, ...]:
    """How to get the xformers that goes with the installed torch, or to do without one.

    PyTorch's own attention is as fast on most cards (`--opt-sdp-attention` in the A1111 family).
    """
    assert facts.python is not None
    torch = facts.python.torch
    found = torch and xformers.for_torch(torch.version, variant_of(torch), facts.host.os)
    remedies = []
    if torch and found:
        text = f"Install xformers {found.xformers}, which belongs to this torch."
        remedies.append(replace(facts, text, [f"xformers=={found.xformers}"], variant_of(torch)))
    if facts.python.xformers is not None or facts.python.distribution("xformers") is not None:
        text = "Do without xformers: PyTorch's own attention is as fast on most cards."
        remedies.append(pip_remedy(facts, text, ("uninstall", "-y", "xformers")))
    return tuple(remedies)


def _install(facts: Facts, plan: TorchPlan, why: str) -> Remedy:
    assert facts.python is not None
    arguments = plan.pip_arguments(family(facts.python))
    replacing = ("install", "--force-reinstall", "--no-deps", *arguments)
    completing = ("install", *arguments)
    runs = (replacing, completing) if facts.python.torch is not None else (completing,)
    changed = companions.changes(facts, plan)
    text = f"Install torch {plan.torch} in its {plan.variant} build."
    return pip_remedy(
        facts,
        " ".join((why, text, *_said_of(changed), *plan.notes)),
        *runs,
        *(change.pip_arguments for change in changed),
    )


def _said_of(changed: Sequence[companions.Change]) -> Iterator[str]:
    """What happens to packages that are compiled for the torch that goes."""
    replaced = [f"{change.name} {change.version}" for change in changed if change.version]
    removed = [change.name for change in changed if change.version is None]
    if replaced:
        yield f"With it comes {', '.join(replaced)}, which is made for that torch."
    if removed:
        yield f"{', '.join(removed)} would not work with it and goes."


def family(python: PythonEnv) -> Sequence[str]:
    """The packages of the torch family to install together: torchaudio only where it is."""
    audio = python.torchaudio is not None or python.distribution("torchaudio") is not None
    return FAMILY if audio else FAMILY[:2]
