"""The records of some installed packages cannot be read.

pip then ignores those packages or fails with "invalid distribution", and sdops cannot judge them.
It is what an interrupted installation or a full disk leaves behind.

Fix: Install those packages again.

Source: packaging.python.org, Recording installed projects (METADATA).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Remedy, Severity
from sdops.knowledge.patient import installed

SHOWN = 6


def check(facts: Facts) -> Iterator[Finding]:
    """Information only: the packages themselves may work."""
    broken = installed(facts).unreadable_metadata
    if not broken:
        return
    more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    yield Finding(
        rule="broken-metadata",
        severity=Severity.INFO,
        title="The records of some installed packages are damaged.",
        why=f"Not readable: {', '.join(broken[:SHOWN])}{more}.",
        evidence={"records": list(broken)},
        remedies=(
            Remedy("Install those packages again with pip install --force-reinstall --no-deps."),
        ),
    )
