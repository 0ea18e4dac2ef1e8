"""Linux inside Windows (WSL) sees no graphics card.

WSL 2 shares the card through the Windows driver; WSL 1 cannot. A Linux driver installed inside WSL
gets in the way.

Fix: Install the newest driver in Windows, none inside WSL, and use WSL 2.

Source: NVIDIA CUDA on WSL user guide; learn.microsoft.com, GPU acceleration in WSL.
"""

from __future__ import annotations

from sdops.check import Action, Command, Facts, Finding, Iterator, Platform, Remedy, Severity, Skip
from sdops.knowledge.patient import describe, kind_of, lacks_gpu, torch_of


def check(facts: Facts) -> Iterator[Finding]:
    """Fires where a GPU build of torch meets no GPU at all."""
    if not facts.host.wsl:
        raise Skip("This is not WSL.")
    if facts.host.container:
        raise Skip("In a container: see container-without-gpu.")
    torch = torch_of(facts)
    lacks_gpu(facts)
    if kind_of(torch) == "cpu":
        raise Skip("torch is a build for the processor.")
    if facts.gpus:
        return
    first = facts.host.wsl == 1
    yield Finding(
        rule="wsl-without-gpu",
        severity=Severity.ERROR,
        title="WSL sees no graphics card, so torch cannot use one.",
        why=f"torch {describe(torch)} is made for a GPU, and "
        + ("this is WSL 1, which cannot share one." if first else "no driver answers in here."),
        evidence={"wsl": facts.host.wsl, "torch": torch.version},
        remedies=(_second(),) if first else _driver(facts),
    )


def _second() -> Remedy:
    return Remedy(
        "Turn this Linux into WSL 2: in Windows, with its name (from wsl --list) in place of NAME.",
        Action.NONE,
        (Command(("wsl", "--set-version", "NAME", "2"), Platform.WINDOWS),),
    )


def _driver(facts: Facts) -> tuple[Remedy, ...]:
    update = Remedy(
        "In Windows, install the newest driver of the card, update WSL, and start it again.",
        Action.UPDATE_DRIVER,
        (
            Command(("wsl", "--update"), Platform.WINDOWS),
            Command(("wsl", "--shutdown"), Platform.WINDOWS),
        ),
    )
    if facts.driver("nvidia") is None:
        return (update,)
    return (Remedy("Remove the NVIDIA driver that is installed inside WSL."), update)
