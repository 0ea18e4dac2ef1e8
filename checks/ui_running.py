"""The UI is running now.

What is changed in its launch file or its packages takes effect at its next start; on Windows,
packages in use cannot be replaced at all.

Fix: Stop the UI before you repair something, and start it again afterwards.

Source: pip documentation (files in use on Windows).
"""

from __future__ import annotations

from sdops.check import Action, Facts, Finding, Iterator, Remedy, Severity


def check(facts: Facts) -> Iterator[Finding]:
    """A note with the number of the process."""
    if facts.ui is None or facts.ui.running_pid is None:
        return
    yield Finding(
        rule="ui-running",
        severity=Severity.INFO,
        title="The UI is running; changes take effect when it is started again.",
        why=f"Process {facts.ui.running_pid} runs it.",
        evidence={"pid": facts.ui.running_pid},
        remedies=(
            Remedy(
                "Before you repair something, close its window or press Ctrl+C in it.",
                Action.RESTART_UI,
            ),
        ),
    )
