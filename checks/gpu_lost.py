"""The computer has lost contact with a GPU.

The driver lists the card but cannot talk to it: it has "fallen off the bus". Nothing runs on it
until the computer is restarted, and it tends to happen again under load.

Fix: Switch the computer off and on again; if it comes back, look at power and seat of the card.

Source: NVML_ERROR_GPU_IS_LOST; docs.nvidia.com/deploy/xid-errors (Xid 79).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity
from sdops.remedies.recovery import reboot, replace_hardware


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each lost GPU."""
    for gpu in facts.gpus:
        if not gpu.lost:
            continue
        yield Finding(
            rule="gpu-lost",
            severity=Severity.ERROR,
            title=f"The computer has lost contact with GPU {gpu.index} ({gpu.name}).",
            why="The driver reports that the card does not answer on the PCIe bus any more.",
            evidence={"gpu": gpu.index, "name": gpu.name, "pci_bus": gpu.pci_bus},
            remedies=(
                reboot(facts.host),
                Remedy(
                    "If it happens again: switch the computer off, seat the card and its power "
                    "cables anew, use one cable for each plug instead of a split one, and undo "
                    "any overclocking. A power supply that is too weak does this under load.",
                    Action.REPLACE_HARDWARE,
                ),
                replace_hardware(),
            ),
        )
