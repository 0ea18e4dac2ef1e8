"""xformers was built without code for this GPU.

Images fail with "no kernel image is available" or "No operator found", although torch itself
works.

Fix: Use PyTorch's own attention in its place.

Source: xformers' own cpp_lib.json (TORCH_CUDA_ARCH_LIST); CHANGELOG 0.0.31 (V100 and older).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Gpu, Iterator, Severity, Skip
from sdops.knowledge import gpus, xformers
from sdops.knowledge.architectures import runs_on
from sdops.knowledge.patient import cards_of, python_of, torch_of, wants_gpu
from sdops.knowledge.xformers_fit import build_of, is_used, misfits
from sdops.remedies.torch import install_xformers


def check(facts: Facts) -> Iterator[Finding]:
    """Fires where no card here can run its kernels."""
    torch = torch_of(facts)
    build = build_of(facts)
    wants_gpu(facts)
    cards = cards_of(facts, "nvidia")
    if torch.cuda is None or not cards:
        raise Skip("No CUDA build of torch meets an NVIDIA card here.")
    if any(item.fatal for item in misfits(python_of(facts), torch, build)):
        raise Skip("xformers does not go with torch: see xformers-mismatch.")
    built_for = build.architectures or xformers.kernels_of(build.version)
    if not built_for:
        raise Skip("It is not known which GPUs this xformers was built for.")
    if any(_serves(built_for, card) for card in cards):
        return
    names = ", ".join(card.name for card in cards)
    yield Finding(
        rule="xformers-lacks-architecture",
        severity=Severity.ERROR if is_used(facts) else Severity.WARNING,
        title=f"xformers {build.version} has no code for this graphics card.",
        why=f"It was built for {', '.join(built_for)}; that does not run on: {names}.",
        evidence={"xformers": build.version, "built_for": list(built_for), "gpus": names},
        remedies=install_xformers(facts)[-1:],
    )


def _serves(built_for: tuple[str, ...], card: Gpu) -> bool:
    capability = gpus.capability(card)
    return capability is None or runs_on(built_for, capability)
