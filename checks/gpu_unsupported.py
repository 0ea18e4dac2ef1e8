"""No official torch can use this graphics card.

It is too old for every build that there is, of a kind that PyTorch makes no builds for, or on a
system for which there are none.

Fix: Let the processor do the work, use a UI that reaches the card by another way, or use a newer
card.

Source: PyTorch build scripts (architectures of the official wheels); profiles/gpus.
"""

from __future__ import annotations

from dataclasses import replace

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge import gpus
from sdops.knowledge.patient import lacks_gpu, maker_of, python_of
from sdops.knowledge.repositories import forks
from sdops.knowledge.torch_plan import TorchPlan
from sdops.remedies.torch import install_torch, plan_torch


def check(facts: Facts) -> Iterator[Finding]:
    """Asks for a plan as if the newest driver were there; only the cards then count."""
    python = python_of(facts)
    lacks_gpu(facts)
    cards = [card for card in facts.visible_gpus if not gpus.is_integrated(card)]
    if not cards:
        raise Skip("There is no graphics card here.")
    torch = python.torch
    if torch is not None and any(card.vendor == maker_of(torch) for card in cards):
        raise Skip("torch is a build for this maker's cards: see torch-lacks-architecture.")
    makers = frozenset(card.vendor for card in cards)
    if facts.ui and any(forks(facts.ui, facts.host.os, makers)):
        raise Skip("Another edition of the UI serves this card: see wrong-fork.")
    near = torch.version if torch else None
    ideal = replace(facts, gpus=tuple(cards), drivers=())
    plan = plan_torch(ideal, near=near)
    if isinstance(plan, TorchPlan):
        if plan.variant != "cpu":
            return
        raise Skip("The cards here are of no kind that computes.")
    if plan.instead is None:
        raise Skip(plan.reason)
    yield Finding(
        rule="gpu-unsupported",
        severity=Severity.ERROR,
        title=f"No official torch can use the {cards[0].name}.",
        why=plan.reason,
        evidence={"gpus": [card.name for card in cards], "torch": torch and torch.version},
        remedies=(
            *(install_torch(ideal, near=near)[1:] if torch is None else ()),
            Remedy(
                "Let the processor do the work; the UI's own flags for that are under the launch "
                "flags of this report.",
                Action.CHANGE_FLAG,
            ),
            Remedy("Or use a newer graphics card.", Action.REPLACE_HARDWARE),
        ),
    )
