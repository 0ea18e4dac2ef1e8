"""What the sampler needs installed, and how to get it on this machine."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from sdops.errors import MissingDependencyError
from sdops.facts import target
from sdops.facts.gather import Depth, gather
from sdops.knowledge.torch_plan import Refusal, TorchPlan
from sdops.remedies.torch import plan_torch
from sdops.shells import line_here

SMALL_PACKAGES = {"PIL": "pillow", "ftfy": "ftfy", "regex": "regex"}
"""Module to distribution."""


def require_sampler() -> None:
    """Make sure that torch and the sampler's other packages can be imported.

    Raises:
        MissingDependencyError: says what is missing and the command that installs it here.
    """
    small = [name for module, name in SMALL_PACKAGES.items() if find_spec(module) is None]
    if find_spec("torch") is None:
        raise MissingDependencyError(
            "Generating pictures needs PyTorch, which is not installed beside sdops.",
            _how_to_install(small),
        )
    if small:
        raise MissingDependencyError(
            f"Generating pictures needs {', '.join(small)}, not installed beside sdops.",
            f"Install: {_pip(*small)}",
        )


def _how_to_install(small: list[str]) -> str:
    chosen = _torch_plan()
    if chosen is None:
        return "No official PyTorch runs on this machine."
    line = _pip(*chosen.pip_arguments(("torch",)))
    more = f" and then: {_pip(*small)}" if small else ""
    return f"For this machine ({chosen.variant}): {line}{more}"


def _torch_plan() -> TorchPlan | None:
    facts = gather(target.resolve(None, python=sys.executable), Depth())
    plan = plan_torch(facts)
    return plan.instead if isinstance(plan, Refusal) else plan


def _pip(*arguments: str) -> str:
    return line_here([sys.executable, "-m", "pip", "install", *arguments])
