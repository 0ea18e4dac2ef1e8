"""pip is not installed in this environment.

UIs that install their own packages at each start stop with "No module named pip". Environments
made by uv have none on purpose.

Fix: Let Python put it there.

Source: docs.python.org, ensurepip; docs.astral.sh/uv, `uv venv --seed`.
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity, Skip
from sdops.knowledge.patient import installed
from sdops.knowledge.ui_environments import installs_itself
from sdops.remedies.commands import command


def check(facts: Facts) -> Iterator[Finding]:
    """A warning only where the UI itself uses pip."""
    python = installed(facts)
    if python.has_pip is None:
        raise Skip("Whether pip is installed is not known.")
    if python.has_pip:
        return
    needed = facts.ui is not None and installs_itself(facts.ui)
    yield Finding(
        rule="pip-missing",
        severity=Severity.WARNING if needed else Severity.INFO,
        title="pip is missing in this environment"
        + (", and the UI installs its packages with it." if needed else "."),
        evidence={"python": python.executable},
        remedies=(
            Remedy(
                "Let Python put it there.",
                Action.REINSTALL,
                (command(facts.host, python.executable, "-m", "ensurepip", "--upgrade"),),
                automatic=True,
            ),
        ),
    )
