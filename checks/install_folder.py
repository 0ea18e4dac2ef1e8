"""The UI's folder has a name or a place in which it does not work well.

Spaces, special characters and letters of other scripts break start scripts and some packages;
OneDrive, Program Files and the Windows disk inside WSL get in the way of large files.

Fix: Move the UI to a short, plain folder. Its Python environment must be made anew afterwards.

Source: profiles/paths.toml, with a source for each row.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Location, Remedy, Skip
from sdops.knowledge.paths import path_troubles


def check(facts: Facts) -> Iterator[Finding]:
    """One finding for each kind of trouble."""
    ui = facts.ui
    if ui is None:
        raise Skip("There is no UI here.")
    for trouble in path_troubles(ui.root, ui.kind, facts.host):
        yield Finding(
            rule="install-folder",
            severity=trouble.severity,
            title=f"The UI's folder is a bad place: {trouble.effect}.",
            why=f"The folder is {ui.root}",
            evidence={"path": ui.root, "trouble": trouble.id},
            location=Location(ui.root),
            remedies=(
                Remedy(
                    f"Move the UI to a folder {trouble.advice}. Its Python environment does not "
                    "survive the move: let the UI (or sdops env) make it anew there."
                ),
            ),
        )
