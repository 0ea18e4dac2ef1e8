"""The graphics driver answers, but only with an error.

The driver's own library was asked about the GPU and could not say anything. Programs that want to
compute on it fail in the same way.

Fix: Restart the machine; if that does not help, install the driver again.

Source: NVML return values (nvmlReturn_t): NVML_ERROR_UNKNOWN, NVML_ERROR_IRQ_ISSUE,
NVML_ERROR_CORRUPTED_INFOROM and their like.
"""

from __future__ import annotations

import re

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
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
    commands = () if facts.host.container else (admin_command(facts.host, "reboot"),)
    yield Finding(
        rule="driver-faulty",
        severity=Severity.ERROR,
        title="The graphics driver does not work: it answers only with an error.",
        why=f"NVIDIA's library says: {driver.fault}. Its version is {driver.version or 'unknown'}.",
        evidence={"fault": driver.fault, "version": driver.version},
        remedies=(
            Remedy("Restart the machine.", Action.REBOOT, commands),
            Remedy(
                "If it says the same after a restart, install the driver again, from the system's"
                f" own packages or from {DRIVERS_PAGE}.",
                Action.UPDATE_DRIVER,
            ),
        ),
    )
