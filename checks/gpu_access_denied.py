"""This user may not open the graphics card's device files.

torch then finds no GPU, while the same command works for the administrator.

Fix: Add the user to the groups that own the files, then log in again.

Source: ROCm installation guide, group permissions (render, video); docs.kernel.org, DRM render
nodes.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.patient import cards_of, lacks_gpu, lost_in_container, maker_of, torch_of
from sdops.remedies.commands import admin_command


def check(facts: Facts) -> Iterator[Finding]:
    """By the device files of the driver that the installed torch wants."""
    lacks_gpu(facts)
    if facts.host.os != "linux":
        raise Skip("Only Linux has device files.")
    if lost_in_container(facts):
        raise Skip("The container has lost its GPU: see driver-faulty.")
    maker = maker_of(torch_of(facts))
    for driver in facts.drivers:
        cards = cards_of(facts, driver.vendor)
        if driver.vendor != maker or not cards or not driver.denied_nodes:
            continue
        files = ", ".join(driver.denied_nodes)
        yield Finding(
            rule="gpu-access-denied",
            severity=Severity.ERROR,
            title="This user may not use the graphics card, so torch does not find it.",
            why=f"Not open to this user: {files}, which belong to the {cards[0].name}.",
            evidence={"files": list(driver.denied_nodes), "driver": driver.name},
            remedies=(_remedy(facts, driver.vendor),),
        )


def _remedy(facts: Facts, vendor: str) -> Remedy:
    if facts.host.container:
        return Remedy("Start the container with the groups that own the files: --group-add.")
    groups = "video" if vendor == "nvidia" else "render,video"
    return Remedy(
        "Add your user to the groups, with your login name in place of USER; then log out and in.",
        Action.NONE,
        (admin_command(facts.host, "usermod", "-a", "-G", groups, "USER"),),
    )
