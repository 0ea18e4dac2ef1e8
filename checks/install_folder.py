"""The UI's folder has a name or a place in which it does not work well.

Spaces, special characters and letters of other scripts break start scripts and some packages;
OneDrive, Program Files and the Windows disk inside WSL get in the way of large files.

Fix: Move the UI to a short, plain folder. Its Python environment must be made anew afterwards.

Severity: warning or error, by the row that applies.

Source: profiles/paths.toml, with a source for each row.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Location, Remedy, Skip
from sdops.knowledge.paths import path_troubles


def check(facts: Facts) -> Iterator[Finding]:
    """One finding with every kind of trouble: one move to a better folder ends them all."""
    ui = facts.ui
    if ui is None:
        raise Skip("There is no UI here.")
    troubles = sorted(path_troubles(ui.root, ui.kind, facts.host), key=lambda one: -one.severity)
    if not troubles:
        return
    worst, *others = troubles
    advice = "; ".join(trouble.advice for trouble in troubles)
    yield Finding(
        rule="install-folder",
        severity=worst.severity,
        title=f"The UI's folder is a bad place: {worst.effect}.",
        why="".join(f"And {trouble.effect}. " for trouble in others).strip(),
        evidence={"path": ui.root, "troubles": [trouble.id for trouble in troubles]},
        location=Location(ui.root),
        remedies=(
            Remedy(
                f"Move the UI to a folder {advice}. Its Python environment does not survive the "
                "move: let the UI (or sdops env) make it anew there."
            ),
        ),
    )
