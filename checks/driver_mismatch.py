"""The driver's two halves are of different versions, so nothing can use the GPU.

The part in the kernel is still the old one while the libraries are already new. It happens when
the driver is updated in the background and the machine is not restarted.

Fix: Restart the machine.

Source: NVML return value NVML_ERROR_LIB_RM_VERSION_MISMATCH; CUDA error 803
(cudaErrorSystemDriverMismatch).
"""

from __future__ import annotations

import re

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.remedies.commands import admin_command


def check(facts: Facts) -> Iterator[Finding]:
    """Reads what NVIDIA's own library says about its driver."""
    driver = facts.driver("nvidia")
    if driver is None:
        raise Skip("There is no NVIDIA driver here.")
    if not re.search(r"version mismatch", driver.fault or "", re.IGNORECASE):
        return
    contained = facts.host.container is not None
    reboot = Remedy(
        "Restart the machine: the new driver is then loaded.",
        Action.REBOOT,
        () if contained else (admin_command(facts.host, "reboot"),),
    )
    image = Remedy(
        "The container image brings driver libraries of its own: remove the packages "
        "libcuda1, libnvidia-* and cuda-compat-* from it, and restart the machine that runs it."
    )
    yield Finding(
        rule="driver-mismatch",
        severity=Severity.ERROR,
        title="The graphics driver was updated without a restart, so the GPU cannot be used.",
        why=f"NVIDIA's library says: {driver.fault}. The kernel's part is "
        f"{driver.version or 'of another version'}.",
        evidence={"fault": driver.fault, "kernel_module": driver.version},
        remedies=(image, reboot) if contained else (reboot,),
    )
