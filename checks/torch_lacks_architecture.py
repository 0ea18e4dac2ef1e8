"""torch was built without code for this GPU.

torch finds the card, but the first computation stops with "no kernel image is available for
execution on the device". The card is newer than the build, or so old that the build left it out.

Fix: Install a torch build that has code for the card.

Source: PyTorch build scripts (TORCH_CUDA_ARCH_LIST) and torch.cuda.get_arch_list(); NVIDIA CUDA
Programming Guide, binary and PTX compatibility.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdops.check import (
    Action,
    Facts,
    Finding,
    Gpu,
    Iterator,
    Remedy,
    Severity,
    Skip,
    TorchBuild,
)
from sdops.knowledge import architectures, gpus
from sdops.knowledge.patient import cards_of, describe, kind_of, torch_of, wants_gpu
from sdops.knowledge.torch_plan import TorchPlan
from sdops.knowledge.variables import variable
from sdops.remedies.torch import install_torch, plan_torch

RULE = "torch-lacks-architecture"
CHOICES = ("--device-id", "--cuda-device", "--default-device", "--gpu-device-id")
"""Flags by which UIs of all kinds let the user choose a card."""


def check(facts: Facts) -> Iterator[Finding]:
    """Compares each card with the architectures of the installed build."""
    torch = torch_of(facts)
    wants_gpu(facts)
    if kind_of(torch) not in ("cuda", "rocm"):
        raise Skip("torch is no build with code for single architectures.")
    cards = cards_of(facts, "nvidia" if torch.cuda else "amd")
    if not cards:
        raise Skip("There is no GPU here that this build of torch is meant for.")
    if _has_computed(facts):
        raise Skip("torch was run, and it computed on the GPU.")
    built_for = _built_for(facts, torch)
    missing = [card for card in cards if _serves(built_for, card, facts) is False]
    if missing and (len(missing) == len(cards) or _takes_first(facts, cards) in missing):
        yield _no_card(facts, torch, built_for, missing)
    elif missing:
        yield _some_cards(facts, torch, built_for, missing)


def _has_computed(facts: Facts) -> bool:
    """Whether `--deep` saw every GPU that torch found compute in single precision."""
    on_gpu = [
        probe
        for probe in (facts.deep.kernels if facts.deep else ())
        if probe.device.startswith("cuda") and probe.dtype == "float32"
    ]
    return bool(on_gpu) and all(probe.ok for probe in on_gpu)


def _takes_first(facts: Facts, cards: Sequence[Gpu]) -> Gpu | None:
    """The card that CUDA counts as device 0: the fastest one, unless told to count by slot.

    None where it is not certain: by slot, with a choice of the UI's own, or for AMD.
    """
    by_slot = variable(facts, "CUDA_DEVICE_ORDER")
    chosen = any(facts.ui.argument(flag) for flag in CHOICES) if facts.ui else False
    if chosen or (by_slot and by_slot.value == "PCI_BUS_ID") or cards[0].vendor != "nvidia":
        return None
    ranked = sorted(cards, key=lambda card: gpus.capability(card) or (0, 0), reverse=True)
    if gpus.capability(ranked[0]) == gpus.capability(ranked[1]):
        return None
    return ranked[0]


def _built_for(facts: Facts, torch: TorchBuild) -> tuple[str, ...]:
    """What torch itself says (`--deep`), or what official builds of this version may have."""
    if facts.deep is not None and facts.deep.arch_list:
        return facts.deep.arch_list
    build = architectures.official_build_of(torch, facts.host, facts.python)
    if build is None:
        raise Skip(f"sdops does not know what torch {torch.version} was built for; try --deep.")
    return (*build.architectures, *build.maybe)


def _serves(built_for: Sequence[str], card: Gpu, facts: Facts) -> bool | None:
    """None where it is not known; for AMD, where `hsa-override` has a word to say, too."""
    if card.vendor == "nvidia":
        capability = gpus.capability(card)
        return None if capability is None else architectures.runs_well_on(built_for, capability)
    model = gpus.model(card)
    if card.gfx is None or model is None or model.hsa_override is not None:
        return None
    if model.integrated and model.backend is None:
        return None
    if variable(facts, "HSA_OVERRIDE_GFX_VERSION") is not None or _is_beside_another(card, facts):
        return None
    return any(entry.partition(":")[0] == card.gfx for entry in built_for)


def _is_beside_another(card: Gpu, facts: Facts) -> bool:
    """Whether it is part of the processor, and a card of its maker is there to do the work."""
    others = (other for other in cards_of(facts, card.vendor) if not gpus.is_integrated(other))
    return gpus.is_integrated(card) and any(others)


def _name(card: Gpu) -> str:
    capability = gpus.capability(card)
    if capability is None:
        return f"{card.name} ({card.gfx})"
    return f"{card.name} (compute capability {capability[0]}.{capability[1]})"


def _why(torch: TorchBuild, built_for: Sequence[str], names: str) -> str:
    return (
        f"torch {describe(torch)} was built for {', '.join(built_for)}; that does not run on the "
        f"{names}."
    )


def _no_card(
    facts: Facts, torch: TorchBuild, built_for: Sequence[str], missing: Sequence[Gpu]
) -> Finding:
    names = ", ".join(map(_name, missing))
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title="This torch has no code for the graphics card: it fails at the first computation.",
        why=_why(torch, built_for, names),
        evidence={"torch": torch.version, "built_for": list(built_for), "gpus": names},
        remedies=install_torch(facts, near=torch.version),
    )


def _some_cards(
    facts: Facts, torch: TorchBuild, built_for: Sequence[str], missing: Sequence[Gpu]
) -> Finding:
    names = ", ".join(map(_name, missing))
    plan = plan_torch(facts, near=torch.version)
    serves_all = isinstance(plan, TorchPlan) and not plan.notes
    leave_out = Remedy(
        "Let the UI use another card: choose one by its number, and do not count on the rest.",
        Action.CHANGE_FLAG,
    )
    return Finding(
        rule=RULE,
        severity=Severity.WARNING,
        title=f"This torch has no code for one of the cards here, the {missing[0].name}.",
        why=_why(torch, built_for, names),
        evidence={"torch": torch.version, "built_for": list(built_for), "gpus": names},
        remedies=install_torch(facts, near=torch.version) if serves_all else (leave_out,),
    )
