"""The graphics driver answers, but only with an error.

The driver's own library was asked about the GPU and could not say anything. Programs that want to
compute on it fail in the same way.

Fix: Restart the machine; if that does not help, install the driver again. In a container that has
lost its cards: start it anew.

Source: NVML return values (nvmlReturn_t): NVML_ERROR_UNKNOWN, NVML_ERROR_IRQ_ISSUE,
NVML_ERROR_CORRUPTED_INFOROM and their like; NVIDIA/nvidia-container-toolkit issues 48, 251, 1227.
"""

from __future__ import annotations

import re

from sdops.check import (
    Action,
    Command,
    Driver,
    Facts,
    Finding,
    Iterator,
    Remedy,
    Severity,
    Skip,
)
from sdops.knowledge.patient import lost_in_container
from sdops.remedies.commands import admin_command
from sdops.remedies.torch import DRIVERS_PAGE

_TOLD_ELSEWHERE = re.compile(r"version mismatch|not loaded|not found", re.IGNORECASE)
"""What driver-mismatch and driver-absent speak of."""


def check(facts: Facts) -> Iterator[Finding]:
    """Reads what NVIDIA's own library says about its driver."""
    driver = facts.driver("nvidia")
    if driver is None:
        raise Skip("There is no NVIDIA driver here.")
    if not driver.fault or driver.loaded is False or _TOLD_ELSEWHERE.search(driver.fault):
        return
    if lost_in_container(facts):
        yield _lost(facts, driver)
        return
    if facts.host.container:
        remedies: tuple[Remedy, ...] = (
            Remedy(
                "On the machine that runs the container, see whether nvidia-smi works there: if so,"
                " start the container anew; if not, restart that machine.",
                Action.REBOOT,
            ),
        )
    else:
        remedies = (
            Remedy("Restart the machine.", Action.REBOOT, (admin_command(facts.host, "reboot"),)),
            Remedy(
                "If it says the same after a restart, install the driver again, from the system's"
                f" own packages or from {DRIVERS_PAGE}.",
                Action.UPDATE_DRIVER,
            ),
        )
    yield Finding(
        rule="driver-faulty",
        severity=Severity.ERROR,
        title="The graphics driver does not work: it answers only with an error.",
        why=f"NVIDIA's library says: {driver.fault}. Its version is {driver.version or 'unknown'}.",
        evidence={"fault": driver.fault, "version": driver.version},
        remedies=remedies,
    )


def _lost(facts: Facts, driver: Driver) -> Finding:
    container = facts.host.container
    runs = container if container in ("docker", "podman") else None
    return Finding(
        rule="driver-faulty",
        severity=Severity.ERROR,
        title="This container has lost its graphics cards; the cards and the driver are fine.",
        why=f"NVIDIA's library says: {driver.fault}. It was given the cards at its start; a reload "
        "of systemd on the machine that runs it takes the permission for their device files away.",
        evidence={"fault": driver.fault, "container": container},
        remedies=(
            Remedy(
                "Start the container anew, on the machine that runs it.",
                Action.RESTART_UI,
                (Command((runs, "restart", "CONTAINER")),) if runs else (),
            ),
            Remedy(
                "So that it does not come back: give the cards by CDI "
                "(--device nvidia.com/gpu=all), or set Docker's cgroup driver to cgroupfs "
                '("exec-opts": ["native.cgroupdriver=cgroupfs"] in /etc/docker/daemon.json).'
            ),
        ),
    )
