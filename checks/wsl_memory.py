"""Linux under Windows (WSL 2) gets only part of the memory.

By default WSL gives Linux half of the computer's memory. Loading a model then ends with "Killed"
although Windows has memory to spare.

Fix: Give WSL more in the file .wslconfig.

Source: learn.microsoft.com, Advanced settings configuration in WSL (memory, default 50 %).
"""

from __future__ import annotations

from sdops.check import Action, Command, Facts, Finding, Iterator, Platform, Remedy, Severity, Skip
from sdops.knowledge.units import GIB, size

COMFORTABLE_BYTES = 16 * GIB
"""A 7 GB checkpoint, its copy while it is loaded, and the UI itself."""


def check(facts: Facts) -> Iterator[Finding]:
    """A note when Linux has less than is comfortable."""
    host = facts.host
    if host.wsl != 2 or host.ram_total_bytes is None:
        raise Skip("This is not WSL 2.")
    # The kernel keeps some of what it is given: 16 GiB show up as about 15.6.
    if host.ram_total_bytes >= 0.95 * COMFORTABLE_BYTES:
        return
    yield Finding(
        rule="wsl-memory",
        severity=Severity.INFO,
        title=f"Linux has {size(host.ram_total_bytes)} of this computer's memory.",
        why="Windows gives WSL half of the memory unless told otherwise. Large models may end with "
        "“Killed” while they are loaded.",
        evidence={
            "ram_total_bytes": host.ram_total_bytes,
            "swap_total_bytes": host.swap_total_bytes,
        },
        remedies=(
            Remedy(
                "In Windows, write the two lines “[wsl2]” and “memory=12GB” (leave Windows at "
                "least 4 GB) into the file .wslconfig in your user folder, then restart WSL.",
                Action.NONE,
                commands=(Command(("wsl", "--shutdown"), Platform.WINDOWS),),
            ),
        ),
    )
