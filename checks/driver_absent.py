"""The graphics card is there, but its maker's driver is not running.

Without the maker's driver torch finds no GPU. The free nouveau driver shows a desktop but cannot
compute. After an update of the kernel the driver's module may be missing for the new kernel, and
with Secure Boot an unsigned module is refused.

Fix: Install the maker's driver, or repair it if it was there before, and restart.

Source: NVIDIA Driver Installation Guide; docs.kernel.org, amdgpu.
"""

from __future__ import annotations

from sdops.check import Action, Driver, Facts, Finding, Gpu, Iterator, Remedy, Severity, Skip
from sdops.knowledge import gpus
from sdops.knowledge.patient import cards_of, lacks_gpu
from sdops.remedies.commands import admin_command
from sdops.remedies.torch import DRIVERS_PAGE


def check(facts: Facts) -> Iterator[Finding]:
    """Looks at the kernel's driver of each maker whose cards torch could use."""
    lacks_gpu(facts)
    if facts.host.container:
        raise Skip("In a container the driver is the host's.")
    if facts.host.os == "macos":
        raise Skip("macOS brings its own driver.")
    for vendor in ("nvidia", "amd"):
        cards = [card for card in cards_of(facts, vendor) if _is_useful(card)]
        driver = facts.driver(vendor)
        if not cards or driver is None or not _is_absent(driver):
            continue
        names = ", ".join(card.name for card in cards)
        yield Finding(
            rule="driver-absent",
            severity=Severity.ERROR,
            title=_title(driver),
            why=f"The kernel has {_what(driver)} for: {names}.",
            evidence={"gpus": names, "driver": driver.name, "fault": driver.fault},
            remedies=_remedies(facts, driver),
        )


def _is_useful(card: Gpu) -> bool:
    model = gpus.model(card)
    return card.vendor == "nvidia" or (model is not None and model.backend is not None)


def _is_absent(driver: Driver) -> bool:
    return driver.name == "nouveau" or driver.loaded is False


def _what(driver: Driver) -> str:
    if driver.name == "nouveau":
        return "the free nouveau driver, which cannot compute,"
    return f"no {driver.name} module loaded"


def _title(driver: Driver) -> str:
    if driver.name == "nouveau":
        return "The graphics card runs with the free nouveau driver, which torch cannot use."
    return "The graphics card's driver is not running, so torch cannot use the card."


def _remedies(facts: Facts, driver: Driver) -> tuple[Remedy, ...]:
    if facts.host.os == "windows":
        page = DRIVERS_PAGE if driver.vendor == "nvidia" else "https://www.amd.com/support"
        return (Remedy(f"Install the driver from {page}.", Action.UPDATE_DRIVER),)
    if driver.vendor == "amd":
        command = admin_command(facts.host, "modprobe", "amdgpu")
        return (Remedy("Load the kernel's own driver.", Action.UPDATE_DRIVER, (command,)),)
    text = "Install NVIDIA's driver, then restart. With Secure Boot, confirm its key when asked."
    if facts.host.distribution == "ubuntu":
        command = admin_command(facts.host, "ubuntu-drivers", "install")
        return (Remedy(text, Action.UPDATE_DRIVER, (command,)),)
    where = f"Your system's packages have it, and {DRIVERS_PAGE}."
    return (Remedy(f"{text} {where}", Action.UPDATE_DRIVER),)
