"""The NVIDIA driver is too old for the CUDA version that torch was built with.

torch then cannot use the GPU at all ("The NVIDIA driver on your system is too old"). A driver that
is older than this CUDA but of its major version runs most programs.

Fix: Update the driver, or install a torch built with an older CUDA.

Source: NVIDIA CUDA Toolkit release notes, table of driver versions; CUDA Compatibility,
minor-version compatibility.
"""

from __future__ import annotations

from sdops.check import Action, Driver, Facts, Finding, Iterator, Remedy, Severity, Skip, TorchBuild
from sdops.knowledge import drivers, gpus
from sdops.knowledge.drivers import DriverNeed, Standing
from sdops.knowledge.patient import cards_of, describe, lacks_gpu, torch_of
from sdops.remedies.commands import admin_command
from sdops.remedies.torch import DRIVERS_PAGE, install_torch

RULE = "driver-too-old"


def check(facts: Facts) -> Iterator[Finding]:
    """An error below the floor of the CUDA major, information between floor and paired driver."""
    torch = torch_of(facts)
    lacks_gpu(facts)
    driver = facts.driver("nvidia")
    if torch.cuda is None or not cards_of(facts, "nvidia"):
        raise Skip("No CUDA build of torch meets an NVIDIA card here.")
    if driver is None or driver.version is None:
        raise Skip("The driver's version is not known.")
    os = drivers.driver_os(facts.host)
    need = drivers.need(torch.cuda, os)
    if need is None:
        raise Skip(f"sdops knows no drivers for CUDA {torch.cuda}.")
    standing = drivers.standing(driver, torch.cuda, os)
    if standing is Standing.TOO_OLD:
        yield _too_old(facts, torch, driver, need)
    elif standing is Standing.COMPATIBLE:
        yield _compatible(torch, driver, need)


def _too_old(facts: Facts, torch: TorchBuild, driver: Driver, need: DriverNeed) -> Finding:
    return Finding(
        rule=RULE,
        severity=Severity.ERROR,
        title="The graphics driver is too old for this torch, so the GPU is not used.",
        why=f"torch {describe(torch)} needs NVIDIA driver {need.floor} or newer; this machine has "
        f"{driver.version}.",
        evidence={"driver": driver.version, "needed": need.floor, "torch": torch.version},
        remedies=(*_update(facts, need), *install_torch(facts, near=torch.version)),
    )


def _compatible(torch: TorchBuild, driver: Driver, need: DriverNeed) -> Finding:
    newest = need.paired or f"one that supports CUDA {need.cuda}"
    return Finding(
        rule=RULE,
        severity=Severity.INFO,
        title="The graphics driver is older than the CUDA version of torch, but of its family.",
        why=f"NVIDIA supports this from driver {need.floor} on; {newest} came out with CUDA "
        f"{need.cuda}, and this machine has {driver.version}. Few programs notice.",
        evidence={"driver": driver.version, "paired": need.paired, "torch": torch.version},
    )


def _update(facts: Facts, need: DriverNeed) -> Iterator[Remedy]:
    if facts.host.container:
        text = f"Update the driver of the machine that runs this container to {need.floor} or newer"
        yield Remedy(f"{text}: a container uses its host's driver.", Action.UPDATE_DRIVER)
    elif _is_last(facts, need):
        return
    elif facts.host.os == "linux" and facts.host.distribution == "ubuntu" and not facts.host.wsl:
        command = admin_command(facts.host, "ubuntu-drivers", "install")
        text = f"Install the newest driver ({need.floor} at least), then restart the machine."
        yield Remedy(text, Action.UPDATE_DRIVER, (command,))
    else:
        where = "in Windows, not inside WSL, " if facts.host.wsl else ""
        text = f"Install driver {need.floor} or newer {where}from {DRIVERS_PAGE} or your system's"
        yield Remedy(f"{text} packages, then restart.", Action.UPDATE_DRIVER)


def _is_last(facts: Facts, need: DriverNeed) -> bool:
    """Whether no newer driver exists for the cards here, or it would not help this torch."""
    os = drivers.driver_os(facts.host)
    for card in cards_of(facts, "nvidia"):
        capability = gpus.capability(card)
        cap = drivers.cap(capability, os) if capability else None
        if cap is None:
            return False
        reached = not drivers.older(cap.last_driver, need.floor.partition(".")[0])
        if reached and not drivers.older(cap.newest_cuda, need.cuda):
            return False
    return True
