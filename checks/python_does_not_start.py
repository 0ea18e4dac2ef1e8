"""The Python of this environment does not start.

Nothing in the environment can work then: neither the UI nor pip.

Fix: Make the environment anew, or install its Python again.

Source: what the interpreter itself said when it was run (`--deep`).
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Location, Remedy, Severity, Skip
from sdops.knowledge.patient import python_of


def check(facts: Facts) -> Iterator[Finding]:
    """Where its base is gone, `environment-base-gone` has said so."""
    python = python_of(facts)
    if facts.deep is None:
        raise Skip("Python was not started: ask for that with --deep.")
    gap = next((gap for gap in facts.gaps if gap.fact == "deep"), None)
    if gap is None:
        return
    yield Finding(
        rule="python-does-not-start",
        severity=Severity.ERROR,
        title="The Python of this environment does not start, so nothing in it works.",
        why=f"{gap.reason}.",
        evidence={"python": python.executable},
        location=Location(python.executable),
        remedies=(
            Remedy("Install the Python that it was made from again, or make the environment anew."),
        ),
    )
