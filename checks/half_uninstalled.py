"""Folders of a half-done uninstall are left in the environment.

pip renames what it removes, so that `torch` becomes `~orch`. A stop in between, often because a
running UI held the files, leaves such folders: they take room, and pip warns about them each time.

Fix: Close the UI and move the folders away.

Source: pip, _internal/utils/temp_dir.py (AdjacentTempDirectory).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Location, Remedy, Severity
from sdops.knowledge.patient import installed

SHOWN = 6


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for all of them."""
    python = installed(facts)
    if not python.leftovers:
        return
    names = ", ".join(python.leftovers[:SHOWN])
    more = len(python.leftovers) - SHOWN
    separator = "\\" if facts.host.os == "windows" else "/"
    # With several folders, the facts do not tell which of them holds what.
    folder = python.site_packages[0] if len(python.site_packages) == 1 else None
    paths = tuple(f"{folder}{separator}{name}" for name in python.leftovers) if folder else ()
    yield Finding(
        rule="half-uninstalled",
        severity=Severity.WARNING,
        title="An update of a package was interrupted, and parts of the old one are left behind.",
        why=f"Left behind: {names}" + (f" and {more} more." if more > 0 else "."),
        evidence={"leftovers": list(python.leftovers)},
        location=Location(folder) if folder else None,
        remedies=(
            Remedy(
                "Close everything that uses this environment, then move these folders away.",
                Action.REINSTALL,
                move_away=paths,
                automatic=bool(paths),
            ),
        ),
    )
