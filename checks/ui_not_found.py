"""There is no user interface in or around this folder; only the machine was judged.

Typed in a folder that holds none, `sdops doctor` looks at the machine and at the Python that runs
sdops. That nothing is wrong with those says nothing about an installation that lies elsewhere.

Fix: Name the folder of the user interface: `sdops doctor FOLDER`.

Source: sdops.facts.target.
"""

from __future__ import annotations

from sdops.check import Command, Facts, Finding, Iterator, Remedy, Severity, Skip

MARK = "because there is no user interface"
"""How `sdops.facts.target` says so."""


def check(facts: Facts) -> Iterator[Finding]:
    """A note, unless the user named what to look at."""
    if facts.ui is not None or MARK not in facts.target:
        raise Skip("What to look at was named or found.")
    yield Finding(
        rule="ui-not-found",
        severity=Severity.INFO,
        title="No user interface that sdops knows is here; only the machine was judged.",
        why=f"Looked at: {facts.target}.",
        evidence={"target": facts.target},
        remedies=(
            Remedy(
                "Name the user interface's folder; if sdops does not recognize it, its kind too.",
                commands=(Command(("sdops", "doctor", "FOLDER", "--ui", "KIND")),),
            ),
        ),
    )
