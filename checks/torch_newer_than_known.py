"""torch is newer than what this sdops knows.

Nothing is wrong. sdops cannot say which GPUs, drivers and companions this torch wants, so some
checks are left out.

Fix: Update sdops; `--deep` asks torch itself.

Source: profiles/torch_releases.toml and the date in it.
"""

from __future__ import annotations

from sdops.check import Facts, Finding, Iterator, Severity
from sdops.knowledge import torch_releases
from sdops.knowledge.patient import torch_of


def check(facts: Facts) -> Iterator[Finding]:
    """Compares with the newest release in the table."""
    torch = torch_of(facts)
    if torch_releases.is_newer_than_known(torch.version):
        yield Finding(
            rule="torch-newer-than-known",
            severity=Severity.INFO,
            title=f"torch {torch.version} is newer than what sdops knows.",
            why=f"Its table ends at torch {torch_releases.newest().torch} and is dated "
            f"{torch_releases.dated()}.",
            evidence={"torch": torch.version, "table_dated": torch_releases.dated()},
        )
