"""The installed NVIDIA driver no longer drives this graphics card.

Each branch of the driver leaves out the oldest cards: R590 and newer ignore Maxwell, Pascal and
Volta, R495 and newer ignore Kepler. After an update the card is still in the machine, but the
driver lists no device, and torch finds no GPU.

Fix: Go back to the last branch that drives the card, and hold it there.

Source: the driver's own words in the kernel log ("supported through the 580.xx Legacy drivers …
will ignore this GPU"); NVIDIA Unix driver archive, legacy releases; profiles/cuda_drivers.toml.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge import drivers, gpus
from sdops.knowledge.drivers import DriverCap
from sdops.knowledge.patient import cards_of, lacks_gpu
from sdops.remedies.commands import admin_command
from sdops.remedies.torch import DRIVERS_PAGE

FROM_DRIVER = ("nvml", "nvidia-smi")
"""Where a card is read from that the driver itself lists, and so drives."""


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each generation of cards that only the bus shows."""
    lacks_gpu(facts)
    driver = facts.driver("nvidia")
    if driver is None or driver.version is None:
        raise Skip("No NVIDIA driver is installed, or its version is not known.")
    found: dict[DriverCap, list[str]] = {}
    for card in cards_of(facts, "nvidia"):
        capability = gpus.capability(card)
        if capability is None or card.source in FROM_DRIVER:
            continue
        ended = drivers.dropped(driver, capability, drivers.driver_os(facts.host))
        if ended is not None:
            found.setdefault(ended, []).append(card.name)
    for ended, names in found.items():
        yield _finding(facts, driver.version, ended, names)


def _finding(facts: Facts, version: str, ended: DriverCap, names: list[str]) -> Finding:
    cards = ", ".join(names)
    return Finding(
        rule="driver-dropped-card",
        severity=Severity.ERROR,
        title=f"NVIDIA driver {version} no longer drives this graphics card, so it is not used.",
        why=f"{cards}: the {ended.last_driver} branch is the last for {ended.generation}; drivers "
        f"from {ended.dropped_from} on ignore these cards.",
        evidence={"driver": version, "last_branch": ended.last_driver, "gpus": cards},
        remedies=(_remedy(facts, ended),),
    )


def _remedy(facts: Facts, ended: DriverCap) -> Remedy:
    branch = ended.last_driver
    text = f"Install the driver of the {branch} branch in place of this one, then restart."
    host = facts.host
    if host.container or host.wsl:
        outside = "in Windows" if host.wsl else "on the machine that runs this container"
        return Remedy(f"Outside, {outside}: {text}", Action.UPDATE_DRIVER)
    if host.os == "linux" and host.distribution == "ubuntu":
        command = admin_command(host, "ubuntu-drivers", "install", f"nvidia:{branch}")
        return Remedy(text, Action.UPDATE_DRIVER, (command,))
    where = (
        f"Your system's packages call it the {branch} legacy driver (nvidia-{branch}xx, "
        f"legacy_{branch}); it is also at {DRIVERS_PAGE}."
        if host.os == "linux"
        else f"It is at {DRIVERS_PAGE}: choose your card there, and no newer driver."
    )
    return Remedy(f"{text} {where}", Action.UPDATE_DRIVER)
