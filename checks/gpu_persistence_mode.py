"""The driver forgets the GPU between programs on this server.

Without a screen attached and with persistence mode off, the driver shuts the GPU down when the
last program ends; each start then takes seconds longer.

Fix: Switch persistence mode on.

Source: docs.nvidia.com/deploy/driver-persistence.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.remedies.commands import admin_command


def check(facts: Facts) -> Iterator[Finding]:
    """A note for Linux without a screen only: elsewhere the driver stays loaded anyway."""
    host = facts.host
    if host.os != "linux" or host.wsl or host.container:
        raise Skip("Persistence mode matters on a Linux machine itself only.")
    if any(gpu.display_attached is not False for gpu in facts.gpus):
        raise Skip("A screen keeps the driver loaded, or it is not known whether there is one.")
    off = [gpu for gpu in facts.gpus if gpu.vendor == "nvidia" and gpu.persistence_mode is False]
    if off:
        yield Finding(
            rule="gpu-persistence-mode",
            severity=Severity.INFO,
            title="Programs that use the GPU could start some seconds faster.",
            why="Persistence mode is off and no screen is attached, so the driver initializes the "
            "GPU anew at each start.",
            evidence={"gpus": [gpu.index for gpu in off]},
            remedies=(
                Remedy(
                    "Switch it on; this lasts until the next restart.",
                    commands=(admin_command(host, "nvidia-smi", "-pm", "1"),),
                ),
            ),
        )
