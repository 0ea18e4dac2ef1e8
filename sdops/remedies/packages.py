"""How to install packages beside torch without replacing it."""

from __future__ import annotations

from collections.abc import Sequence

from sdops.facts.types import Facts
from sdops.finding import Action, Remedy
from sdops.knowledge.extensions import HELD
from sdops.remedies.torch import pip


def install_beside(facts: Facts, text: str, requirements: Sequence[str]) -> Remedy:
    """Installs `requirements` with the UI's own Python, torch and NumPy held as they are.

    pip then refuses what only another torch could satisfy, in place of replacing it.
    """
    assert facts.python is not None
    names = {requirement.partition("=")[0] for requirement in requirements}
    held = (facts.python.distribution(name) for name in HELD if name not in names)
    pins = tuple(f"{dist.name}=={dist.version}" for dist in held if dist is not None)
    command = pip(facts, "install", *requirements, *pins)
    return Remedy(text, Action.REINSTALL, (command,))
